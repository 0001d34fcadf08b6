// Whether a lock holds, on this very bucket and against these very credentials: a probe object under aside/, where nothing is evidence, is
// locked for a minute as evidence would be, and then everything is tried that must be refused. A server that takes the headers of
// Object Lock and does not act by them is found like this, and nothing else finds it.

import { randomUUID } from 'node:crypto';
import { DeleteObjectCommand, PutObjectRetentionCommand } from '@aws-sdk/client-s3';
import { utf8 } from '../../proof/bytes.ts';
import { wholeSeconds } from './bucket.ts';
import { BucketError } from './error.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { failureOf } from './s3-client.ts';

const probeMs = 60_000;
const attempts = 5;

/** All ways in which a lock does not hold; empty: it does. Throws BucketError where that can't be tried. */
export async function probeLock(bucket: S3Bucket): Promise<BucketError[]> {
  const { client, settings } = bucket;
  const now = await bucket.serverTime();
  const until = wholeSeconds(now + probeMs);
  const key = `aside/lock-probe/${new Date(now).toISOString().slice(0, 10)}-${randomUUID()}`;
  await bucket.create(key, utf8('A lock was tried on this object. It is no evidence.\n'), until);
  const probe = await bucket.read(key);
  if (!probe) throw new BucketError('unavailable', `bucket ${settings.bucket}, ${key}: written, and not there`);
  const { versionId } = probe;
  const place = {
    Bucket: settings.bucket,
    Key: settings.prefix === '' ? key : `${settings.prefix}/${key}`,
    VersionId: versionId,
  };
  const problems: BucketError[] = [];
  const found = (what: string) => {
    const expected = `expected ${settings.mode} until ${new Date(until).toISOString()}`;
    const advice = 'its locks keep nothing: use a server whose Object Lock works';
    problems.push(
      new BucketError('lock-not-kept', `bucket ${settings.bucket}: ${what} (${key}), ${expected}: ${advice}`),
    );
  };
  const isAsSet = async () => {
    const lock = await bucket.lockOf(key, versionId);
    return lock?.mode === settings.mode && lock.until === until;
  };
  if (!(await isAsSet())) found('the lock of a probe is not as it was set');
  const Retention = { Mode: settings.mode, RetainUntilDate: new Date(now + probeMs / 2) };
  const shorten = new PutObjectRetentionCommand({ ...place, ChecksumAlgorithm: 'SHA256', Retention });
  if (!(await isRefused(() => client.send(shorten)))) found('a lock could be shortened');
  else if (problems.length === 0 && !(await isAsSet())) found('a lock was shortened, although that was refused');
  const isKept = await isRefused(() => client.send(new DeleteObjectCommand(place)));
  if (!isKept) found('a locked version could be deleted');
  else if (!(await bucket.read(key, versionId))) found('a locked version was deleted, although that was refused');
  return problems;
}

/** Whether the server says no; throws where it gives no certain answer. */
async function isRefused(request: () => Promise<unknown>): Promise<boolean> {
  for (let n = 1; ; n++) {
    try {
      await request();
      return false;
    } catch (error) {
      if (failureOf(error) !== 'again') return true;
      const said = error instanceof Error ? error.message : String(error);
      if (n >= attempts) throw new BucketError('unavailable', `a lock could not be tried: ${said}`, { cause: error });
      await new Promise(resolve => setTimeout(resolve, 200 * 2 ** n));
    }
  }
}
