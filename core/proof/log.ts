// The log of batches (archive format, section 5): a C2SP tlog-tiles log. Entry k is the k-th period from the archive's first:
//
//   tidemark-batch/1
//   <origin>
//   <period start> <duration>
//   <events> <seals>
//   <base64 batch root>
//   <hex sha256 of the manifest object>
//
// Under log/: checkpoint, checkpoints/<size, 20 digits>, tile/<L>/<N>[.p/<W>], tile/entries/<N>[.p/<W>].

import { base64, concat, parseBase64, parseCount, parseHex, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { ProofError } from './error.ts';
import { treeRoot } from './merkle.ts';
import { parseDuration, parseTime } from './period.ts';

export const checkpointKey = 'log/checkpoint';

export function sizedCheckpointKey(size: number): string {
  return `log/checkpoints/${String(size).padStart(20, '0')}`;
}

/** Hashes or entries in a full tile. */
export const tileWidth = 256;

export interface LogEntry {
  readonly origin: string;
  readonly period: string;
  readonly duration: string;
  readonly events: number;
  readonly seals: number;
  readonly root: Uint8Array;
  /** Hex SHA256 of the manifest object. */
  readonly manifest: string;
}

export function formatEntry(entry: LogEntry): string {
  const { origin, period, duration, events, seals, root, manifest } = entry;
  return `tidemark-batch/1\n${origin}\n${period} ${duration}\n${events} ${seals}\n${base64(root)}\n${manifest}\n`;
}

/** Parses an entry; throws `malformed-entry`. */
export function parseEntry(text: string): LogEntry {
  const fail = (why: string): never => {
    throw new ProofError('malformed-entry', `not a log entry: ${why}`);
  };
  const lines = text.split('\n');
  if (lines.length !== 7 || lines[6] !== '' || lines[0] !== 'tidemark-batch/1')
    return fail('expected the six lines of tidemark-batch/1');
  const [, origin = '', time = '', numbers = '', rootText = '', manifest = ''] = lines;
  const [period = '', duration = '', ...more] = time.split(' ');
  const [events, seals, ...others] = numbers.split(' ').map(parseCount);
  const root = parseBase64(rootText);
  if (parseTime(period) === null || more.length > 0)
    return fail('expected a period and its duration on the third line');
  if (events === null || events === undefined || seals === null || seals === undefined || others.length > 0) {
    return fail('expected the counts of events and seals on the fourth line');
  }
  if (root?.length !== 32 || parseHex(manifest)?.length !== 32)
    return fail('expected a root and a digest on the last lines');
  return { origin, period, duration: parseDuration(duration).text, events, seals, root, manifest };
}

/** A tile's place. Level -1 is that of the entry bundles. */
export interface TilePlace {
  readonly level: number;
  readonly index: number;
  /** 1 to 256; below 256 the tile is partial. */
  readonly width: number;
}

export const ENTRIES_LEVEL = -1;

export function tileKey({ level, index, width }: TilePlace): string {
  const groups = [String(index % 1000).padStart(3, '0')];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`);
  }
  const partial = width === tileWidth ? '' : `.p/${width}`;
  return `log/tile/${level === ENTRIES_LEVEL ? 'entries' : level}/${groups.join('/')}${partial}`;
}

/** A tile's place by its key relative to the prefix, or null where the key is not that of a tile. */
export function parseTileKey(key: string): TilePlace | null {
  const match = /^log\/tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(key);
  if (!match) return null;
  const [, levelText = '', path = '', widthText] = match;
  const level = levelText === 'entries' ? ENTRIES_LEVEL : Number(levelText);
  const place = { level, index: Number(path.replaceAll(/[x/]/g, '')), width: Number(widthText ?? tileWidth) };
  return tileKey(place) === key ? place : null;
}

/** All tiles of a log of this size, entry bundles included; of each level the last may be partial. */
export function tilesOf(size: number): TilePlace[] {
  const tiles: TilePlace[] = [];
  const addLevel = (level: number, count: number) => {
    for (let index = 0; index * tileWidth < count; index++) {
      tiles.push({ level, index, width: Math.min(tileWidth, count - index * tileWidth) });
    }
  };
  addLevel(ENTRIES_LEVEL, size);
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / tileWidth)) addLevel(level, count);
  return tiles;
}

/** The tiles that a log of this size has and one entry less had not: what a sealer writes, entries first. */
export function tilesAddedAt(size: number): TilePlace[] {
  const last = (level: number, count: number): TilePlace => {
    const index = Math.ceil(count / tileWidth) - 1;
    return { level, index, width: count - index * tileWidth };
  };
  const tiles = [last(ENTRIES_LEVEL, size)];
  for (let level = 0, count = size; ; level++, count /= tileWidth) {
    tiles.push(last(level, count));
    if (count % tileWidth !== 0) return tiles;
  }
}

/** A hash tile's bytes, out of all the leaf hashes of the log. */
export function hashTile(
  sha256: Crypto['sha256'],
  leaves: readonly Uint8Array[],
  { level, index, width }: TilePlace,
): Uint8Array {
  const span = tileWidth ** level;
  const start = index * tileWidth;
  return concat(
    ...Array.from({ length: width }, (_, i) =>
      treeRoot(sha256, leaves.slice((start + i) * span, (start + i + 1) * span)),
    ),
  );
}

/** An entry bundle's bytes: big-endian uint16 length, entry, and so on. */
export function formatEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  return concat(...entries.flatMap(entry => [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry]));
}

/** The entries of a bundle; throws `malformed-tile`. */
export function parseEntryBundle(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    if (at + 2 + length > bytes.length)
      throw new ProofError('malformed-tile', `an entry of ${length} bytes at ${at} is cut off`);
    entries.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries;
}

/** The bytes of an entry as the log's leaf data. */
export function entryData(entry: LogEntry): Uint8Array {
  return utf8(formatEntry(entry));
}
