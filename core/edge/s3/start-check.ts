// Invariant 5: what would quietly weaken the archive is an error at the start, with what to do.

import { GetBucketVersioningCommand, GetObjectLockConfigurationCommand, HeadBucketCommand } from '@aws-sdk/client-s3';
import { archiveKey } from '../../proof/batch.ts';
import { allVersions } from './bucket.ts';
import { BucketError } from './error.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { failureOf, statusOf } from './s3-client.ts';

/** All that is wrong with the bucket, empty where it can hold an archive. Throws `unavailable` where the server does not answer. */
export async function checkBucket({ client, settings }: S3Bucket): Promise<BucketError[]> {
  const { bucket } = settings;
  const missing = await attempt(() => client.send(new HeadBucketCommand({ Bucket: bucket })));
  if (missing.error !== undefined) {
    if (failureOf(missing.error) === 'denied') return [denied(bucket, 's3:ListBucket', missing.error)];
    const advice =
      'create it with Object Lock enabled (it can only be enabled when a bucket is created), or correct S3_BUCKET';
    return [new BucketError('no-bucket', `bucket ${bucket}: not found: ${advice}`, { cause: missing.error })];
  }
  const problems: BucketError[] = [];
  const versioning = await attempt(() => client.send(new GetBucketVersioningCommand({ Bucket: bucket })));
  if (versioning.error !== undefined) problems.push(denied(bucket, 's3:GetBucketVersioning', versioning.error));
  else if (versioning.value?.Status !== 'Enabled') {
    const found = versioning.value?.Status ?? 'never enabled';
    problems.push(
      new BucketError('no-versioning', `bucket ${bucket}: versioning is ${found}, expected Enabled: switch it on`),
    );
  }
  const lock = await attempt(() => client.send(new GetObjectLockConfigurationCommand({ Bucket: bucket })));
  if (lock.error !== undefined && failureOf(lock.error) === 'denied') {
    problems.push(denied(bucket, 's3:GetBucketObjectLockConfiguration', lock.error));
  } else if (lock.value?.ObjectLockConfiguration?.ObjectLockEnabled !== 'Enabled') {
    const advice = 'use a bucket that was created with Object Lock; without it nothing stops who deletes evidence';
    problems.push(new BucketError('no-object-lock', `bucket ${bucket}: Object Lock is not enabled: ${advice}`));
  }
  return problems;
}

/** An archive whose locks nobody can lift is not gone on with in locks that somebody can. Empty: it is as it was begun, or firmer. */
export async function checkLockMode(bucket: S3Bucket): Promise<BucketError[]> {
  const [archive] = await allVersions(bucket, archiveKey);
  const lock = archive && (await bucket.lockOf(archiveKey, archive.versionId));
  if (lock?.mode !== 'COMPLIANCE' || bucket.settings.mode === 'COMPLIANCE') return [];
  const both = `this archive was begun with COMPLIANCE, TIDEMARK_RETENTION says ${bucket.settings.mode}`;
  return [new BucketError('archive-differs', `${archiveKey}: ${both}: correct it, or use another S3_PREFIX`)];
}

function denied(bucket: string, permission: string, cause: unknown): BucketError {
  return new BucketError('no-access', `bucket ${bucket}: grant ${permission} to these credentials`, { cause });
}

async function attempt<T>(request: () => Promise<T>): Promise<{ value?: T; error?: unknown }> {
  let last: unknown;
  for (let n = 0; n < 4; n++) {
    try {
      return { value: await request() };
    } catch (error) {
      last = error;
      if (failureOf(error) !== 'again') return { error };
      await new Promise(resolve => setTimeout(resolve, 200 * 2 ** n));
    }
  }
  const said = last instanceof Error ? last.message : String(last);
  throw new BucketError('unavailable', `the S3 server gives no answer (${statusOf(last) || said}): check S3_ENDPOINT`, {
    cause: last,
  });
}
