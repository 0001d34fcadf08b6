// What sealing personal data needs: a bucket without Object Lock, in which keys can be destroyed, and two secrets that last as long as
// the process. A bucket that outlives them (of a server that the environment names) keeps keys that nobody can open any more.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { generateSecret } from '../../core/edge/keys/secret-file.ts';
import { createRunFolder } from './folders.ts';

/** Makes the bucket and the secrets; the settings of a normalizer that uses them. */
export async function createKeys(config: S3ClientConfig, bucket: string): Promise<Record<string, string>> {
  const client = new S3Client(config);
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket })).catch(error => {
      if (!(error instanceof Error && error.name.startsWith('BucketAlready'))) throw error;
    });
  } finally {
    client.destroy();
  }
  const folder = await createRunFolder('keys');
  const secret = async (name: string) => {
    const path = join(folder, name);
    await writeFile(path, generateSecret(), { mode: 0o600 });
    return path;
  };
  return {
    TIDEMARK_ENCRYPTION: 'on',
    TIDEMARK_KEYS_BUCKET: bucket,
    TIDEMARK_KEYS_PREFIX: `keys-${process.pid}-${Date.now()}`,
    TIDEMARK_KEK: await secret('kek.key'),
    TIDEMARK_LOOKUP_KEY: await secret('lookup.key'),
  };
}
