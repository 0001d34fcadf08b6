// What the archive says of itself, read as a writer goes on from it: archive.json, the checkpoint, entries, manifests. Of each key
// the version counts that verifies, whatever was put over it; a signature that we do not know stops (accepted.ts).

import {
  type Archive,
  archiveKey,
  type Manifest,
  objectDigest,
  parseArchive,
  parseManifest,
} from '../../proof/batch.ts';
import { textOf } from '../../proof/bytes.ts';
import { parseSignedCheckpoint, type SignedCheckpoint } from '../../proof/checkpoint.ts';
import { ProofError } from '../../proof/error.ts';
import { checkpointKey, ENTRIES_LEVEL, parseEntryBundle, tileKey, tilesOf } from '../../proof/log.ts';
import { leafHash, treeRoot } from '../../proof/merkle.ts';
import { parseNote } from '../../proof/note.ts';
import { manifestKey, parseTime } from '../../proof/period.ts';
import { checkFormat, isAccepted } from './accepted.ts';
import { allVersions, findVersion, type StoredObject } from './bucket.ts';
import { BucketError } from './error.ts';
import type { ArchiveReader } from './segment-object.ts';

/** What `parse` makes of it; null where a ProofError or invalid UTF-8 says that it is nothing. */
export function parsed<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ProofError || error instanceof TypeError) return null;
    throw error;
  }
}

type Expected = Pick<ArchiveReader, 'bucket' | 'origin' | 'topic' | 'duration'>;

/**
 * `archive.json`, or null where the archive has not begun. Throws `archive-differs`, naming both values, where it says otherwise than
 * the settings. The oldest version counts, since it was written first of all.
 */
export async function readArchive(expected: Expected): Promise<{ archive: Archive; object: StoredObject } | null> {
  for (const object of await allVersions(expected.bucket, archiveKey)) {
    const text = parsed(() => textOf(object.bytes));
    if (text === null) continue;
    checkFormat(text, 'tidemark-archive', '1', archiveKey);
    const archive = parsed(() => parseArchive(text));
    if (!archive) continue;
    const wrong = [
      ['TIDEMARK_ORIGIN', archive.origin, expected.origin],
      ['TIDEMARK_RAW_TOPIC', archive.topic, expected.topic],
      ['TIDEMARK_PERIOD', archive.duration.text, expected.duration.text],
    ].filter(([, found, setting]) => found !== setting);
    if (wrong.length === 0) return { archive, object };
    const both = wrong.map(([name, found, setting]) => `found "${found}", ${name} is "${setting}"`).join('; ');
    throw new BucketError('archive-differs', `${archiveKey}: ${both}. Correct the settings, or use another S3_PREFIX`);
  }
  return null;
}

/** Start of period `index` of an archive, ms. */
export function periodStart(archive: Archive, index: number): number {
  return (parseTime(archive.first) ?? 0) + index * archive.duration.ms;
}

/** The largest accepted checkpoint among the versions of `log/checkpoint`; null: none yet. */
export async function readHead(reader: ArchiveReader): Promise<SignedCheckpoint | null> {
  const accept = (object: StoredObject) => acceptCheckpoint(reader, checkpointKey, object);
  const latest = await findVersion(reader.bucket, checkpointKey, accept);
  return latest?.value ?? null;
}

/** A checkpoint of this log by an accepted key, or null. */
export function acceptCheckpoint(reader: ArchiveReader, key: string, { bytes }: StoredObject): SignedCheckpoint | null {
  const checkpoint = parsed(() => parseSignedCheckpoint(bytes));
  if (!checkpoint || checkpoint.origin !== reader.origin) return null;
  return isAccepted(reader.crypto, checkpoint.note, reader.logKeys, reader.origin, key) ? checkpoint : null;
}

/** The entries of a log of this checkpoint, as leaf data. Throws `log-contradicts` where no versions of its tiles lead to the root. */
export async function readEntries(reader: ArchiveReader, head: SignedCheckpoint): Promise<Uint8Array[]> {
  const { sha256 } = reader.crypto;
  const keys = tilesOf(head.size)
    .filter(tile => tile.level === ENTRIES_LEVEL)
    .map(tile => ({ key: tileKey(tile), width: tile.width }));
  const bundles = await Promise.all(
    keys.map(async ({ key, width }) => {
      const versions = (await allVersions(reader.bucket, key))
        .map(object => parsed(() => parseEntryBundle(object.bytes)))
        .filter(entries => entries?.length === width);
      return versions.filter(entries => entries !== null);
    }),
  );
  const isHead = (entries: readonly Uint8Array[]) =>
    Buffer.from(
      treeRoot(
        sha256,
        entries.map(entry => leafHash(sha256, entry)),
      ),
    ).equals(head.root);
  for (const choice of choices(bundles, 64)) {
    const entries = choice.flat();
    if (isHead(entries)) return entries;
  }
  throw new BucketError(
    'log-contradicts',
    `the entry tiles of a log of ${head.size} do not lead to the root of its checkpoint. Stopped: run tidemark verify`,
  );
}

/** The ways to take one of each, the first of each first; at most `limit`. */
function* choices<T>(options: readonly (readonly T[])[], limit: number): Generator<T[]> {
  const total = Math.min(
    limit,
    options.reduce((product, versions) => product * versions.length, 1),
  );
  for (let n = 0; n < total; n++) {
    let rest = n;
    const choice: T[] = [];
    for (const versions of options) {
      const version = versions[rest % versions.length];
      if (version !== undefined) choice.push(version);
      rest = Math.floor(rest / versions.length);
    }
    yield choice;
  }
}

export interface StoredManifest {
  readonly manifest: Manifest;
  readonly object: StoredObject;
  /** Hex SHA256 of the object. */
  readonly sha256: string;
}

/** An object as the manifest of a period: with this digest, where one is given, and always signed by an accepted key; null: it is not. */
export function acceptManifest(
  reader: ArchiveReader,
  start: number,
  object: StoredObject,
  digest?: string,
): StoredManifest | null {
  const key = manifestKey(start);
  const sha256 = objectDigest(reader.crypto.sha256, object.bytes);
  if (digest !== undefined && sha256 !== digest) return null;
  const note = parsed(() => parseNote(object.bytes));
  if (!note) return null;
  checkFormat(note.text, 'tidemark-batch', '1', key);
  if (!isAccepted(reader.crypto, note, reader.logKeys, reader.origin, key)) return null;
  const manifest = parsed(() => parseManifest(note.text));
  if (!manifest || manifest.origin !== reader.origin || parseTime(manifest.period) !== start) return null;
  return { manifest, object, sha256 };
}

/** The manifest of a period; of its versions the one with this digest, or, where none is given, one signed by an accepted key. */
export async function readManifest(
  reader: ArchiveReader,
  start: number,
  digest?: string,
): Promise<StoredManifest | null> {
  const accept = (object: StoredObject) => acceptManifest(reader, start, object, digest);
  return (await findVersion(reader.bucket, manifestKey(start), accept))?.value ?? null;
}
