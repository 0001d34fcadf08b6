// Checks all that an archive's writer promises, over the versions that a bucket holds: chains, rows, manifests, log, locks, nothing
// too many. By core/proof and the format page; the auditor is the stricter judge.

import { nodeDecompress } from '../../../core/edge/compression.ts';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { batchRoot, objectDigest, parseArchive, parseManifest } from '../../../core/proof/batch.ts';
import { equalBytes, textOf, utf8 } from '../../../core/proof/bytes.ts';
import { type ChainEnd, chainAfter, chainStart, joinSeal } from '../../../core/proof/chain.ts';
import { isSignedBy, parseSignedCheckpoint } from '../../../core/proof/checkpoint.ts';
import {
  checkpointKey,
  formatEntryBundle,
  hashTile,
  parseEntry,
  parseEntryBundle,
  sizedCheckpointKey,
  tileKey,
  tilesOf,
  tileWidth,
} from '../../../core/proof/log.ts';
import { leafHash, treeRoot } from '../../../core/proof/merkle.ts';
import { openNote, type VerifierKey } from '../../../core/proof/note.ts';
import { manifestKey, parseTime } from '../../../core/proof/period.ts';
import { checkRun, parseSegment, parseSegmentKey, segmentKey } from '../../../core/proof/segment.ts';
import { testKeys, testOrigin } from '../../test-keys.ts';

export interface CheckedVersion {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly isDeleteMarker: boolean;
  readonly retainUntil: number | null;
}

export interface Checked {
  readonly size: number;
  /** By partition, each archived event's raw offset, in the chain's order. */
  readonly offsets: ReadonlyMap<number, readonly bigint[]>;
  readonly ends: ReadonlyMap<number, ChainEnd>;
  /** Segments that no batch lists. */
  readonly pending: readonly string[];
  readonly problems: readonly string[];
}

const { sha256 } = nodeCrypto;

function reads<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch {
    return null;
  }
}

/** `strict`: one version a key (of `log/checkpoint`: as many as there were sizes). `logKey`: the archiver's. */
export function checkArchive(
  versions: readonly CheckedVersion[],
  how: { readonly strict?: boolean; readonly logKey?: VerifierKey } = {},
): Checked {
  const { strict = true, logKey = testKeys.log.key } = how;
  const problems: string[] = [];
  const byKey = Map.groupBy(versions, version => version.key);
  if (strict) {
    for (const [key, all] of byKey) {
      if (all.some(version => version.isDeleteMarker)) problems.push(`${key}: a delete marker`);
      if (key !== checkpointKey && all.length > 1) problems.push(`${key}: ${all.length} versions`);
    }
  }
  const get = (key: string, digest?: string) =>
    byKey.get(key)?.find(version => digest === undefined || objectDigest(sha256, version.bytes) === digest);
  const archiveVersion = byKey.get('archive.json')?.find(version => reads(() => parseArchive(textOf(version.bytes))));
  if (!archiveVersion)
    return { size: 0, offsets: new Map(), ends: new Map(), pending: [], problems: ['no archive.json'] };
  const archive = parseArchive(textOf(archiveVersion.bytes));
  const heads = (byKey.get(checkpointKey) ?? []).flatMap(
    version => reads(() => parseSignedCheckpoint(version.bytes)) ?? [],
  );
  const head = heads.filter(h => isSignedBy(nodeCrypto, h, logKey)).sort((a, b) => b.size - a.size)[0];
  const size = head?.size ?? 0;
  const entries = tilesOf(size)
    .filter(tile => tile.level === -1)
    .flatMap(
      tile =>
        (byKey.get(tileKey(tile)) ?? [])
          .map(version => reads(() => parseEntryBundle(version.bytes)))
          .find(found => found?.length === tile.width) ?? [],
    );
  const leaves = entries.map(entry => leafHash(sha256, entry));
  if (head && !equalBytes(treeRoot(sha256, leaves), head.root)) problems.push('the entries do not lead to the head');
  for (const tile of tilesOf(size)) {
    const expected =
      tile.level < 0
        ? formatEntryBundle(entries.slice(tile.index * tileWidth, tile.index * tileWidth + tile.width))
        : hashTile(sha256, leaves, tile);
    if (!byKey.get(tileKey(tile))?.some(version => equalBytes(version.bytes, expected)))
      problems.push(`${tileKey(tile)} is wrong`);
  }
  for (let n = 1; n <= size; n++) if (!byKey.has(sizedCheckpointKey(n))) problems.push(`no checkpoint of size ${n}`);

  const offsets = new Map<number, bigint[]>();
  const ends = new Map<number, ChainEnd>();
  const listed = new Set<string>();
  let previous: string | null = null;
  let latest = 0;
  for (const [index, data] of entries.entries()) {
    const entry = parseEntry(textOf(data));
    const start = (parseTime(archive.first) ?? 0) + index * archive.duration.ms;
    if (parseTime(entry.period) !== start) problems.push(`entry ${index} is of ${entry.period}`);
    const object = get(manifestKey(start), entry.manifest);
    if (!object) {
      problems.push(`no manifest of ${entry.period} with the entry's digest`);
      continue;
    }
    const manifest = parseManifest(openNote(nodeCrypto, object.bytes, [logKey]).text);
    if ((manifest.previous?.sha256 ?? null) !== previous) problems.push(`${entry.period} names another before it`);
    previous = entry.manifest;
    const texts: Uint8Array[] = [];
    for (const row of manifest.partitions) {
      let end = ends.get(row.partition) ?? chainStart;
      for (const segment of row.segments) {
        listed.add(segment.key);
        const version = get(segment.key, segment.sha256);
        if (!version) {
          problems.push(`${segment.key} is not there with the listed digest`);
          continue;
        }
        const retain = parseTime(segment.retainUntil) ?? 0;
        latest = Math.max(latest, retain);
        if ((version.retainUntil ?? 0) < retain) problems.push(`${segment.key}: a shorter lock than listed`);
        const parsed = parseSegment(nodeCrypto, version.bytes, nodeDecompress);
        for (const run of parsed.runs) {
          const join = joinSeal(sha256, end, run.sealed.seal);
          if (!join.joins) problems.push(`${segment.key}: ${join.why}`);
          problems.push(...checkRun(sha256, run, parsed.schema).map(problem => `${segment.key}: ${problem}`));
          if (run.sealed.seal.sealedAt >= start + archive.duration.ms)
            problems.push(`${segment.key}: listed too early`);
          end = chainAfter(run.sealed.seal, run.sealed.hash);
          texts.push(utf8(run.sealed.note.text));
          const events = offsets.get(row.partition) ?? [];
          events.push(...run.events.map(event => event.fields.offset));
          offsets.set(row.partition, events);
        }
        if (segmentKey(parsed.runs[0].sealed.seal) !== segment.key) problems.push(`${segment.key}: not its key`);
      }
      if (row.next !== end.next || row.generation !== end.generation)
        problems.push(`${entry.period}: row ${row.partition} ends elsewhere`);
      ends.set(row.partition, end);
    }
    if (!equalBytes(batchRoot(sha256, texts), manifest.root))
      problems.push(`${entry.period}: not the root of its seals`);
    if (!equalBytes(entry.root, manifest.root) || entry.origin !== testOrigin) problems.push(`entry ${index} differs`);
    if ((object.retainUntil ?? 0) < latest) problems.push(`${entry.period}: its lock ends before what it lists`);
  }
  const pending = [...byKey.keys()].filter(key => parseSegmentKey(key) && !listed.has(key));
  return { size, offsets, ends, pending, problems };
}
