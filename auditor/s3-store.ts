// An archive in a bucket, with all versions of its objects and their locks. Only reads: ListObjectVersions, GetObject by
// version, GetObjectRetention.

import {
  GetObjectCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  S3Client,
} from '@aws-sdk/client-s3';
import { AuditorError } from './error.ts';
import type { ArchiveStore, MissingPermission, ObjectVersion, Retention } from './store.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Opens `s3://bucket/prefix`; throws AuditorError `bad-argument` where it is not that. */
export function openS3Store(location: string, env: Env): ArchiveStore {
  const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(location);
  const bucket = match?.[1];
  if (!bucket)
    throw new AuditorError(
      'bad-argument',
      `found the location ${location}, expected s3://bucket or s3://bucket/prefix`,
    );
  const prefix = (match[2] ?? '').replace(/\/+$/, '');
  return new S3Store(location, clientFrom(env), bucket, prefix === '' ? '' : `${prefix}/`);
}

function clientFrom(env: Env): S3Client {
  const { S3_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? (endpoint ? 'us-east-1' : undefined);
  const sessionToken = env.AWS_SESSION_TOKEN;
  return new S3Client({
    ...(region && { region }),
    ...(endpoint && { endpoint, forcePathStyle: true }),
    ...(accessKeyId &&
      secretAccessKey && { credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) } }),
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000 },
  });
}

const absent = new Set(['NoSuchKey', 'NoSuchVersion', 'NotFound', 'MethodNotAllowed']);
const unlocked = new Set([...absent, 'NoSuchObjectLockConfiguration', 'ObjectLockConfigurationNotFoundError']);

class S3Store implements ArchiveStore {
  readonly location: string;
  readonly hasLocks = true;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(location: string, client: S3Client, bucket: string, prefix: string) {
    this.location = location;
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  async *list(prefix: string): AsyncGenerator<ObjectVersion> {
    let from: { KeyMarker?: string; VersionIdMarker?: string } = {};
    for (;;) {
      const page = await this.#page(prefix, from);
      for (const version of versionsOf(page)) {
        if (version.key.startsWith(this.#prefix)) yield { ...version, key: version.key.slice(this.#prefix.length) };
      }
      if (!page.IsTruncated || !page.NextKeyMarker) return;
      from = {
        KeyMarker: decodeKey(page, page.NextKeyMarker),
        ...(page.NextVersionIdMarker && { VersionIdMarker: page.NextVersionIdMarker }),
      };
    }
  }

  async #page(prefix: string, from: object, most = 1000): Promise<ListObjectVersionsCommandOutput> {
    const Prefix = this.#prefix + prefix;
    // Encoded: a planted key with characters that XML can't hold must not stop the listing.
    const request = { Bucket: this.#bucket, Prefix, MaxKeys: most, EncodingType: 'url' as const, ...from };
    try {
      return await this.#client.send(new ListObjectVersionsCommand(request));
    } catch (cause) {
      throw this.#error(cause, `the versions under ${this.#url(prefix)}`, 's3:ListBucketVersions');
    }
  }

  async read(key: string, versionId: string | null): Promise<Uint8Array | null> {
    try {
      const { Body, ETag } = await this.#client.send(new GetObjectCommand(this.#target(key, versionId)));
      // Every object has one: without, it is an error under a 200, and its text is not what the archive holds.
      if (!ETag) throw new Error('the answer names no ETag');
      return Body ? await Body.transformToByteArray() : new Uint8Array();
    } catch (cause) {
      if (absent.has(nameOf(cause))) return null;
      const permission = versionId === null ? 's3:GetObject' : 's3:GetObjectVersion';
      throw this.#error(cause, this.#url(key), permission);
    }
  }

  async retention(key: string, versionId: string | null): Promise<Retention | null> {
    try {
      const answer = await this.#client.send(new GetObjectRetentionCommand(this.#target(key, versionId)));
      const { Mode: mode, RetainUntilDate: until } = answer.Retention ?? {};
      if (!until || (mode !== 'COMPLIANCE' && mode !== 'GOVERNANCE')) return null;
      return { mode, until: until.getTime() };
    } catch (cause) {
      if (unlocked.has(nameOf(cause))) return null;
      // How AWS answers for a bucket that has no Object Lock at all.
      if (nameOf(cause) === 'InvalidRequest' && /object lock/i.test(messageOf(cause))) return null;
      throw this.#error(cause, `the lock of ${this.#url(key)}`, 's3:GetObjectRetention');
    }
  }

  async missingPermissions(): Promise<readonly MissingPermission[]> {
    const missing: MissingPermission[] = [];
    const tryTo = async (permission: string, unproven: string, action: () => Promise<unknown>): Promise<boolean> => {
      try {
        await action();
        return true;
      } catch (cause) {
        if (!(cause instanceof AuditorError) || cause.code !== 'no-access') throw cause;
        missing.push({ permission, unproven });
        return false;
      }
    };
    let sample: { key: string; versionId: string | null } = { key: 'archive.json', versionId: 'null' };
    const listed = await tryTo(
      's3:ListBucketVersions',
      'whether objects were hidden, planted or given further versions, and whatever was not listed',
      async () => {
        const versions = versionsOf(await this.#page('', {}, 100)).filter(version => !version.isDeleteMarker);
        const [first] = versions;
        if (first) sample = { key: first.key.slice(this.#prefix.length), versionId: first.versionId };
      },
    );
    if (!listed) sample = (await this.#latest('archive.json')) ?? sample;
    await tryTo('s3:GetObjectVersion', 'everything: no version of an object can be read', () =>
      this.#readable(sample.key, sample.versionId),
    );
    await tryTo('s3:GetObjectRetention', 'whether objects are locked for as long as was promised', () =>
      this.retention(sample.key, sample.versionId),
    );
    return missing;
  }

  /** The latest version's id, without the permission to list. */
  async #latest(key: string): Promise<{ key: string; versionId: string | null } | null> {
    const request = { ...this.#target(key, null), Range: 'bytes=0-0' };
    const answer = await this.#client.send(new GetObjectCommand(request)).catch(() => null);
    await answer?.Body?.transformToByteArray();
    return answer?.VersionId ? { key, versionId: answer.VersionId } : null;
  }

  async #readable(key: string, versionId: string | null): Promise<void> {
    try {
      const request = { ...this.#target(key, versionId), Range: 'bytes=0-0' };
      const answer = await this.#client.send(new GetObjectCommand(request));
      await answer.Body?.transformToByteArray();
    } catch (cause) {
      // Of an empty object the range can't be had; that it was looked for is enough.
      if (absent.has(nameOf(cause)) || nameOf(cause) === 'InvalidRange') return;
      throw this.#error(cause, this.#url(key), 's3:GetObjectVersion');
    }
  }

  #target(key: string, versionId: string | null): { Bucket: string; Key: string; VersionId?: string } {
    const target = { Bucket: this.#bucket, Key: this.#prefix + key };
    return versionId === null ? target : { ...target, VersionId: versionId };
  }

  #url(key: string): string {
    return `s3://${this.#bucket}/${this.#prefix}${key}`;
  }

  #error(cause: unknown, what: string, permission: string): AuditorError {
    const name = nameOf(cause);
    const status = statusOf(cause);
    if (name === 'NoSuchBucket')
      return new AuditorError('no-archive', `there is no bucket ${this.#bucket}: check its name, and S3_ENDPOINT`, {
        cause,
      });
    if (name === 'CredentialsProviderError')
      return new AuditorError(
        'no-access',
        'no S3 credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
        { cause },
      );
    if (status === 401 || status === 403)
      return new AuditorError(
        'no-access',
        `${what} may not be read (${name}): give these credentials ${permission}, or others`,
        { cause },
      );
    const why = status === undefined ? messageOf(cause) : `${name}, HTTP ${status}`;
    return new AuditorError(
      'unavailable',
      `${what} can't be read (${why}): check S3_ENDPOINT, AWS_REGION and network`,
      {
        cause,
      },
    );
  }
}

/** A page's versions and markers by key, of a key the newest first: the SDK hands them over as two lists. */
function versionsOf(page: ListObjectVersionsCommandOutput): ObjectVersion[] {
  const all = [
    ...(page.Versions ?? []).map(version => ({ version, size: version.Size ?? 0, isDeleteMarker: false })),
    ...(page.DeleteMarkers ?? []).map(version => ({ version, size: 0, isDeleteMarker: true })),
  ];
  return all
    .map(({ version, size, isDeleteMarker }) => ({
      key: decodeKey(page, version.Key ?? ''),
      versionId: version.VersionId ?? null,
      isLatest: version.IsLatest ?? false,
      isDeleteMarker,
      size,
      lastModified: version.LastModified?.getTime() ?? 0,
    }))
    .sort(
      (a, b) =>
        Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) ||
        Number(b.isLatest) - Number(a.isLatest) ||
        b.lastModified - a.lastModified,
    );
}

function decodeKey(page: ListObjectVersionsCommandOutput, key: string): string {
  if (page.EncodingType !== 'url') return key;
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}

function nameOf(cause: unknown): string {
  return cause instanceof Error ? cause.name : 'error';
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // A refused connection to several addresses has no message of its own.
  const code = 'code' in cause ? String(cause.code) : '';
  return cause.message || code || cause.name;
}

function statusOf(cause: unknown): number | undefined {
  if (!(cause instanceof Error) || !('$metadata' in cause)) return undefined;
  const metadata: unknown = cause.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
