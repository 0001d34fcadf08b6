// The S3 client under the bucket: its settings, the bucket's clock, and what its errors mean. Retrying is the bucket's own business
// (s3-bucket.ts), as only it knows which requests may be repeated.

import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { LockMode } from '../retention.ts';

export interface S3Settings {
  readonly bucket: string;
  /** Before all keys, without a slash at its end; empty: none. */
  readonly prefix: string;
  /** Absent: AWS. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** Absent: as the AWS SDK finds them. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** COMPLIANCE in production; GOVERNANCE can be lifted by who has the permission. */
  readonly mode: LockMode;
}

const connectTimeoutMs = 5_000;

/** A client; `onDate` hears the `Date` header of each answer. */
export function openClient(settings: S3Settings, onDate: (date: number) => void): S3Client {
  const config: S3ClientConfig = {
    region: settings.region ?? process.env.AWS_REGION ?? 'us-east-1',
    maxAttempts: 1,
    requestHandler: { connectionTimeout: connectTimeoutMs },
    ...(settings.credentials && { credentials: settings.credentials }),
    ...(settings.endpoint && { endpoint: settings.endpoint, forcePathStyle: true }),
  };
  const client = new S3Client(config);
  client.middlewareStack.add(
    next => async args => {
      const result = await next(args);
      const date = Date.parse(dateHeader(result.response));
      if (!Number.isNaN(date)) onDate(date);
      return result;
    },
    { step: 'deserialize', name: 'bucketClock', priority: 'low' },
  );
  return client;
}

function dateHeader(response: unknown): string {
  if (typeof response !== 'object' || response === null || !('headers' in response)) return '';
  const { headers } = response;
  return typeof headers === 'object' && headers !== null && 'date' in headers ? String(headers.date) : '';
}

/** HTTP status of an answer that the SDK threw; 0 where there was none. */
export function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return 0;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return 0;
  return Number(metadata.httpStatusCode) || 0;
}

export type Failure = 'taken' | 'missing' | 'denied' | 'again' | 'refused';

/**
 * What an error of a request means. 412: the condition does not hold. 409 (a conditional write met another that is under way), 429,
 * 5xx, and no answer at all: again. 403 and 401: denied. What is left is refused for good.
 */
export function failureOf(error: unknown): Failure {
  const status = statusOf(error);
  const name = error instanceof Error ? error.name : '';
  if (status === 412 || name === 'PreconditionFailed') return 'taken';
  if (status === 404) return name === 'NoSuchBucket' ? 'refused' : 'missing';
  if (name === 'CredentialsProviderError') return 'denied';
  // A clock that differs is told as 403, and a request that was under way for too long gets it as well.
  if (name === 'RequestTimeTooSkewed') return 'again';
  if (status === 401 || status === 403) return 'denied';
  if (status === 0 || status === 200 || status === 408 || status === 409 || status === 429 || status >= 500)
    return 'again';
  // 405 answers a GET of a version that is a delete marker.
  return status === 405 ? 'missing' : 'refused';
}
