// The demo's own look at the bucket. Keys are relative to the archive's prefix.

import { GetObjectCommand, ListObjectsV2Command, type S3ServiceException } from '@aws-sdk/client-s3';
import type { World } from './world.ts';

export interface Listed {
  readonly key: string;
  readonly size: number;
}

export async function listObjects(world: World): Promise<Listed[]> {
  const found: Listed[] = [];
  let token: string | undefined;
  do {
    const page = await world.s3.send(
      new ListObjectsV2Command({ Bucket: world.bucket, Prefix: `${world.prefix}/`, ContinuationToken: token }),
    );
    for (const { Key = '', Size = 0 } of page.Contents ?? []) {
      found.push({ key: Key.slice(world.prefix.length + 1), size: Size });
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return found;
}

/** The object's bytes with its version; undefined where there is none. */
export async function getObject(
  world: World,
  key: string,
): Promise<{ bytes: Uint8Array; version: string | undefined } | undefined> {
  try {
    const answer = await world.s3.send(new GetObjectCommand({ Bucket: world.bucket, Key: fullKey(world, key) }));
    return { bytes: (await answer.Body?.transformToByteArray()) ?? new Uint8Array(), version: answer.VersionId };
  } catch (error) {
    if (error instanceof Error && (error as S3ServiceException).$metadata?.httpStatusCode === 404) return undefined;
    throw error;
  }
}

export const fullKey = (world: World, key: string): string => `${world.prefix}/${key}`;
