// A bucket as an archive needs it: versions and Object Lock, which can only be had together.

import {
  CreateBucketCommand,
  GetObjectLockConfigurationCommand,
  PutBucketVersioningCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { StackError } from './errors.ts';

/** The client's settings for these variables; without `S3_ENDPOINT` the SDK finds AWS and its credentials by itself. */
export function s3ConfigOf(env: Readonly<Record<string, string | undefined>>): S3ClientConfig {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env;
  return {
    region: env.AWS_REGION ?? 'us-east-1',
    ...(env.S3_ENDPOINT && { endpoint: env.S3_ENDPOINT, forcePathStyle: true }),
    ...(accessKeyId &&
      secretAccessKey && { credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) } }),
  };
}

/** Creates the bucket with Object Lock and versions; one that exists is kept if it has them, else the error is `bad-settings`. */
export async function createLockedBucket(config: S3ClientConfig, name: string): Promise<void> {
  const client = new S3Client(config);
  try {
    const created = await client
      .send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: true }))
      .then(() => true)
      .catch(error => {
        if (error instanceof Error && error.name.startsWith('BucketAlready')) return false;
        throw error;
      });
    const lock = await client.send(new GetObjectLockConfigurationCommand({ Bucket: name })).catch(() => undefined);
    if (lock?.ObjectLockConfiguration?.ObjectLockEnabled !== 'Enabled') {
      const found = created ? 'the server created' : 'there already is';
      throw new StackError('bad-settings', `${found} a bucket ${name} without Object Lock: use another name or server`);
    }
    const versions = { Bucket: name, VersioningConfiguration: { Status: 'Enabled' } } as const;
    if (created) await client.send(new PutBucketVersioningCommand(versions));
  } finally {
    client.destroy();
  }
}
