// Where an auditor reads an archive from: a bucket, or a copy of its objects in a folder. Read-only by its shape: nothing
// here can change evidence. Keys are relative to the archive's prefix.

/** One version of one key. A folder has one version a key. */
export interface ObjectVersion {
  readonly key: string;
  /** Null in a folder. */
  readonly versionId: string | null;
  /** Whether a plain GET answers this one. */
  readonly isLatest: boolean;
  readonly isDeleteMarker: boolean;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly lastModified: number;
}

/** An object's retention under Object Lock. */
export interface Retention {
  readonly mode: 'COMPLIANCE' | 'GOVERNANCE';
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** A permission that the auditor's credentials lack, and what stays unproven without it. */
export interface MissingPermission {
  readonly permission: string;
  readonly unproven: string;
}

export interface ArchiveStore {
  /** `s3://bucket/prefix` or the folder's path, as it was given. */
  readonly location: string;
  /** False where the store has no versions and locks (a folder): a verifier then says that they were not checked. */
  readonly hasLocks: boolean;
  /** All versions of all keys that begin with `prefix` (relative), in key order, of a key the newest first. */
  list(prefix: string): AsyncIterable<ObjectVersion>;
  /** The bytes of a version (null: the latest); null where there is none. Throws AuditorError `no-access` or `unavailable`. */
  read(key: string, versionId: string | null): Promise<Uint8Array | null>;
  /** The retention of a version; null where it has none. Only where `hasLocks`. */
  retention(key: string, versionId: string | null): Promise<Retention | null>;
  /** What these credentials can't do, found by trying (list versions, get version, get retention), named before anything else. */
  missingPermissions(): Promise<readonly MissingPermission[]>;
}
