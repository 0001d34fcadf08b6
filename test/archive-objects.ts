// An archive's objects in memory, as a bucket with versions and locks holds them: what tests alter, and what a verifier then
// reads. The golden archive is read into the same shape.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ArchiveStore, ObjectVersion, Retention } from '../auditor/store.ts';
import { parseManifest } from '../core/proof/batch.ts';
import { textOf } from '../core/proof/bytes.ts';
import { parseNote } from '../core/proof/note.ts';

export interface StoredVersion {
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970; null: no lock. */
  readonly retainUntil: number | null;
  readonly mode: Retention['mode'] | null;
  readonly isDeleteMarker: boolean;
  /** Milliseconds since 1970; where it is absent, {@link memoryStore}'s option. */
  readonly lastModified?: number;
}

/** Keys relative to the prefix; of each key its versions, the oldest first: `push` puts a newer one. */
export type Objects = Map<string, StoredVersion[]>;

export function cloneObjects(objects: Objects): Objects {
  return new Map([...objects].map(([key, versions]) => [key, [...versions]]));
}

/** The latest version; throws where there is none, or where it is a delete marker. */
export function latest(objects: Objects, key: string): StoredVersion {
  const version = objects.get(key)?.at(-1);
  if (!version || version.isDeleteMarker) throw new Error(`no object ${key}`);
  return version;
}

/** Puts a further version of a key, locked as long as the one before it, if there is one. */
export function putVersion(
  objects: Objects,
  key: string,
  bytes: Uint8Array,
  change: Partial<StoredVersion> = {},
): void {
  const versions = objects.get(key) ?? [];
  const before = versions.at(-1);
  versions.push({
    bytes,
    retainUntil: before?.retainUntil ?? null,
    mode: before?.mode ?? null,
    isDeleteMarker: false,
    ...change,
  });
  objects.set(key, versions);
}

/** Hides a key behind a delete marker, as a DELETE without version does. */
export function hide(objects: Objects, key: string): void {
  putVersion(objects, key, new Uint8Array(), { isDeleteMarker: true, retainUntil: null, mode: null });
}

/** Changes the latest version in place: what Object Lock should make impossible. */
export function alter(objects: Objects, key: string, change: Partial<StoredVersion>): void {
  const versions = objects.get(key) ?? [];
  versions.splice(-1, 1, { ...latest(objects, key), ...change });
}

/** Flips one bit of the latest version's byte at `index` (from the end where negative). */
export function flip(objects: Objects, key: string, index: number): void {
  const bytes = Uint8Array.from(latest(objects, key).bytes);
  const at = index < 0 ? bytes.length + index : index;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  alter(objects, key, { bytes });
}

export interface MemoryStoreOptions {
  /** False: as a copy in a folder, with the latest version of each key and no locks. */
  readonly hasLocks?: boolean;
  readonly lastModified?: number;
  /** Called before each read: may throw, or alter the objects, as a writer that works beside the verifier. */
  readonly onRead?: (key: string, versionId: string | null) => void;
}

function versionsOf(
  objects: Objects,
  key: string,
  options: Required<Omit<MemoryStoreOptions, 'onRead'>>,
): ObjectVersion[] {
  const all = (objects.get(key) ?? []).map((version, index, versions) => ({
    key,
    versionId: options.hasLocks ? `v${index + 1}` : null,
    isLatest: index === versions.length - 1,
    isDeleteMarker: version.isDeleteMarker,
    size: version.bytes.length,
    lastModified: version.lastModified ?? options.lastModified,
  }));
  if (options.hasLocks) return all.toReversed();
  return all.filter(version => version.isLatest && !version.isDeleteMarker);
}

/** A store over objects; later changes of them show at the next call. */
export function memoryStore(objects: Objects, options: MemoryStoreOptions = {}): ArchiveStore {
  const settled = { hasLocks: options.hasLocks ?? true, lastModified: options.lastModified ?? 0 };
  const find = (key: string, versionId: string | null): StoredVersion | null => {
    const versions = objects.get(key) ?? [];
    const version = versionId === null ? versions.at(-1) : versions[Number(versionId.slice(1)) - 1];
    return version && !version.isDeleteMarker ? version : null;
  };
  return {
    location: 'memory:',
    hasLocks: settled.hasLocks,
    async *list(prefix) {
      for (const key of [...objects.keys()].filter(name => name.startsWith(prefix)).sort())
        yield* versionsOf(objects, key, settled);
    },
    async read(key, versionId) {
      options.onRead?.(key, versionId);
      return find(key, versionId)?.bytes ?? null;
    },
    async retention(key, versionId) {
      const version = find(key, versionId);
      if (!settled.hasLocks || !version || version.retainUntil === null) return null;
      return { mode: version.mode ?? 'COMPLIANCE', until: version.retainUntil };
    },
    async missingPermissions() {
      return [];
    },
  };
}

/** The golden archive, with what its README says of it. */
export interface Golden {
  readonly objects: Objects;
  readonly policyText: string;
  readonly sealKeysText: string;
  /** By file name. */
  readonly receipts: ReadonlyMap<string, Uint8Array>;
  /** The time at which it is intact, ms. */
  readonly at: number;
  /** The retention that was promised, ms. */
  readonly minRetention: number;
}

/** Reads the golden archive anew, locked as its manifests say: what has no `retainUntil` of its own until the latest one listed. */
export function loadGolden(): Golden {
  const root = new URL('golden/', import.meta.url);
  const prefix = new URL('objects/prod/', root);
  const files = readdirSync(prefix, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  const bytes = new Map<string, Uint8Array>();
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    bytes.set(relative(fileURLToPath(prefix), path), new Uint8Array(readFileSync(path)));
  }
  const listed = new Map<string, number>();
  for (const [key, data] of bytes) {
    if (!key.startsWith('batches/')) continue;
    for (const row of parseManifest(parseNote(data).text).partitions)
      for (const segment of row.segments) listed.set(segment.key, Date.parse(segment.retainUntil));
  }
  const longest = Math.max(...listed.values());
  const objects: Objects = new Map();
  for (const key of [...bytes.keys()].sort()) {
    const retainUntil = listed.get(key) ?? longest;
    objects.set(key, [
      { bytes: bytes.get(key) ?? new Uint8Array(), retainUntil, mode: 'COMPLIANCE', isDeleteMarker: false },
    ]);
  }
  const receipts = new URL('receipts/', root);
  return {
    objects,
    policyText: textOf(readFileSync(new URL('policy', root))),
    sealKeysText: textOf(readFileSync(new URL('normalizer.vkey', root))),
    receipts: new Map(readdirSync(receipts).map(name => [name, new Uint8Array(readFileSync(new URL(name, receipts)))])),
    at: Date.parse('2026-01-05T14:30:00Z'),
    minRetention: 3_600_000,
  };
}
