// Who may do what in the two buckets, as policies of AWS IAM, which other S3 servers take too. Nobody who runs a program may delete
// evidence, shorten a lock or pass by one; only who erases persons may delete keys.

export interface BucketNames {
  /** The archive's, with Object Lock. */
  readonly bucket: string;
  /** The archive's folder in it, without slashes at its ends; empty: the whole bucket. */
  readonly prefix: string;
  /** Of the keys of persons; null where nothing is encrypted. */
  readonly keysBucket: string | null;
}

export const BUCKET_ROLES = ['normalizer', 'archiver', 'auditor', 'eraser'] as const;
export type BucketRole = (typeof BUCKET_ROLES)[number];

/** A policy document (AWS IAM, version 2012-10-17). */
export interface BucketPolicy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly { Effect: 'Allow'; Action: readonly string[]; Resource: readonly string[] }[];
}

const readArchive = {
  bucket: ['s3:ListBucket', 's3:ListBucketVersions'],
  objects: ['s3:GetObject', 's3:GetObjectVersion', 's3:GetObjectRetention'],
};
const writeArchive = {
  bucket: [...readArchive.bucket, 's3:GetBucketVersioning', 's3:GetBucketObjectLockConfiguration'],
  objects: [...readArchive.objects, 's3:PutObject', 's3:PutObjectRetention'],
};
const useKeys = {
  bucket: ['s3:ListBucket', 's3:GetBucketObjectLockConfiguration'],
  objects: ['s3:GetObject', 's3:PutObject'],
};
const destroyKeys = {
  bucket: [...useKeys.bucket, 's3:ListBucketVersions'],
  objects: [...useKeys.objects, 's3:GetObjectVersion', 's3:DeleteObject', 's3:DeleteObjectVersion'],
};

type Grant = { readonly bucket: readonly string[]; readonly objects: readonly string[] };
const grants: Record<BucketRole, { readonly archive: Grant | null; readonly keys: Grant | null }> = {
  normalizer: { archive: readArchive, keys: useKeys },
  archiver: { archive: writeArchive, keys: null },
  auditor: { archive: readArchive, keys: null },
  eraser: { archive: null, keys: destroyKeys },
};

export function bucketPolicy(role: BucketRole, { bucket, prefix, keysBucket }: BucketNames): BucketPolicy {
  const { archive, keys } = grants[role];
  const folder = prefix === '' ? `${bucket}/*` : `${bucket}/${prefix}/*`;
  const statements = [
    ...(archive ? statementsOf(archive, bucket, folder) : []),
    ...(keys && keysBucket !== null ? statementsOf(keys, keysBucket, `${keysBucket}/*`) : []),
  ];
  return { Version: '2012-10-17', Statement: statements };
}

function statementsOf(grant: Grant, bucket: string, objects: string): BucketPolicy['Statement'] {
  const allow = (Action: readonly string[], what: string) =>
    ({ Effect: 'Allow', Action, Resource: [`arn:aws:s3:::${what}`] }) as const;
  return [allow(grant.bucket, bucket), allow(grant.objects, objects)];
}
