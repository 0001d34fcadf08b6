// What would quietly make erasure a lie, or split persons in two, is an error at the start, with what to do.

import { createHmac, type KeyObject } from 'node:crypto';
import { GetObjectLockConfigurationCommand, HeadBucketCommand } from '@aws-sdk/client-s3';
import { failureOf } from '../s3/s3-client.ts';
import { KeysError } from './error.ts';
import type { Kek } from './kek.ts';
import type { KeyBucket } from './key-bucket.ts';

const requestTimeoutMs = 5_000;
const lookupName = 'lookup.json';

/** A bucket in which keys can be destroyed: not one that locks what is put into it, and not the archive's. */
export async function checkKeyBucket({ client, settings }: KeyBucket, archiveBucket: string | null): Promise<void> {
  const { bucket: Bucket } = settings;
  const abort = () => ({ abortSignal: AbortSignal.timeout(requestTimeoutMs) });
  await client.send(new HeadBucketCommand({ Bucket }), abort()).catch(cause => {
    throw refusal(Bucket, cause);
  });
  const lock = await client.send(new GetObjectLockConfigurationCommand({ Bucket }), abort()).catch(cause => {
    const failure = failureOf(cause);
    // A bucket without Object Lock answers 404.
    if (failure === 'again' || failure === 'denied') throw refusal(Bucket, cause);
    return undefined;
  });
  const { ObjectLockEnabled, Rule } = lock?.ObjectLockConfiguration ?? {};
  const advice = 'a key there could not be destroyed: set TIDEMARK_KEYS_BUCKET to a bucket without Object Lock';
  if (Rule?.DefaultRetention)
    throw new KeysError('locked-bucket', `bucket ${Bucket}: found a default retention, expected none: ${advice}`);
  if (ObjectLockEnabled === 'Enabled' && Bucket === archiveBucket)
    throw new KeysError(
      'locked-bucket',
      `bucket ${Bucket}: found the archive's own bucket, with Object Lock: ${advice}`,
    );
}

function refusal(bucket: string, cause: unknown): KeysError {
  const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  switch (failureOf(cause)) {
    case 'again':
      return new KeysError('unavailable', `bucket ${bucket}: no certain answer (${said}): check S3_ENDPOINT`, {
        cause,
      });
    case 'denied': {
      const permissions = 's3:ListBucket and s3:GetBucketObjectLockConfiguration';
      return new KeysError('no-access', `bucket ${bucket}: grant ${permissions} to these credentials`, { cause });
    }
    default:
      return new KeysError('no-bucket', `bucket ${bucket}: not found (${said}): create it, without Object Lock`, {
        cause,
      });
  }
}

/**
 * The lookup key names persons, for ever: with another one everybody would get a second key, and an erasure would miss the first. So the
 * first instance leaves a proof of it among the keys, and all others have to match.
 */
export async function checkLookupKey(bucket: KeyBucket, lookupKey: KeyObject): Promise<void> {
  const check = createHmac('sha256', lookupKey).update('tidemark-lookup/1').digest('hex');
  const bytes = Buffer.from(`${JSON.stringify({ format: 'tidemark-lookup/1', check })}\n`, 'utf8');
  const stored = (await bucket.read(lookupName)) ?? ((await bucket.write(lookupName, bytes, null)) ? { bytes } : null);
  const there = stored ?? (await bucket.read(lookupName));
  if (there && Buffer.from(there.bytes).equals(bytes)) return;
  const { bucket: name, prefix } = bucket.settings;
  const where = `bucket ${name}, prefix ${prefix}`;
  const advice = 'give the lookup key that these keys were made with, or another TIDEMARK_KEYS_PREFIX';
  throw new KeysError('lookup-differs', `${where}: the keys there have another lookup key: ${advice}`);
}

/** That what is wrapped opens again, before anything depends on it. */
export async function checkKek(kek: Kek): Promise<void> {
  const trial = Buffer.alloc(32, 'trial');
  const back = await kek.unwrap('trial', await kek.wrap('trial', trial));
  if (!back.equals(trial)) throw new KeysError('wrong-wrapping', `${kek.id}: a trial key came back as another`);
}
