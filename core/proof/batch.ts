// The batch: an hour of the whole topic (archive format, section 4). Its manifest is a note by the archiver's key whose text
// is the JSON below, without empty lines. `archive.json` fixes what never changes about an archive.

import { base64, hex, parseBase64, parseDecimal, parseHex } from './bytes.ts';
import { type ChainEnd, chainStart } from './chain.ts';
import type { Crypto } from './crypto.ts';
import { ProofError } from './error.ts';
import { type Json, Members, parseJson } from './json.ts';
import { leafHash, treeRoot } from './merkle.ts';
import { isKeyName } from './note.ts';
import { type Duration, parseDuration, parseTime } from './period.ts';

/** A segment as a batch lists it. Offsets are bigint, digests lower-case hex, seal hashes bytes. */
export interface ListedSegment {
  readonly key: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly events: number;
  readonly seals: number;
  readonly generation: number;
  readonly first: bigint;
  readonly next: bigint;
  readonly lastSeal: Uint8Array;
  readonly schema: string;
  readonly sealed: { readonly first: number; readonly last: number };
  /** Texts with six decimals. */
  readonly occurredAt: { readonly min: string; readonly max: string };
  /** Whole seconds. */
  readonly retainUntil: string;
}

export interface PartitionRow {
  readonly partition: number;
  readonly generation: number;
  readonly next: bigint;
  readonly lastSeal: Uint8Array | null;
  readonly events: number;
  readonly skipped: number;
  readonly lost: number;
  readonly seals: number;
  readonly segments: readonly ListedSegment[];
}

export interface Manifest {
  readonly origin: string;
  /** Start of the period. */
  readonly period: string;
  readonly duration: string;
  readonly root: Uint8Array;
  readonly events: number;
  readonly skipped: number;
  readonly lost: number;
  readonly seals: number;
  readonly previous: { readonly period: string; readonly sha256: string } | null;
  readonly partitions: readonly PartitionRow[];
}

const counts = ['events', 'skipped', 'lost', 'seals'] as const;
const time = (text: string) => (parseTime(text) === null ? null : text);
const digest = (text: string) => (parseHex(text)?.length === 32 ? text : null);
const hash = (text: string) => {
  const bytes = parseBase64(text);
  return bytes?.length === 32 ? bytes : null;
};
const micros = (text: string) => (/^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text) ? text : null);

function parseListed(value: Json, where: string): ListedSegment {
  const names = ['key', 'sha256', 'bytes', 'events', 'seals', 'generation', 'first', 'next', 'lastSeal', 'schema'];
  const members = new Members(value, where, [...names, 'sealed', 'occurredAt', 'retainUntil']);
  const sealed = new Members(members.value('sealed'), `${where}.sealed`, ['first', 'last']);
  const occurredAt = new Members(members.value('occurredAt'), `${where}.occurredAt`, ['min', 'max']);
  return {
    key: members.string('key'),
    sha256: members.parsed('sha256', 'a hex SHA256', digest),
    bytes: members.count('bytes'),
    events: members.count('events'),
    seals: members.count('seals'),
    generation: members.count('generation'),
    first: members.parsed('first', 'a decimal', parseDecimal),
    next: members.parsed('next', 'a decimal', parseDecimal),
    lastSeal: members.parsed('lastSeal', 'a base64 SHA256', hash),
    schema: members.parsed('schema', 'a hex SHA256', digest),
    sealed: { first: sealed.count('first'), last: sealed.count('last') },
    occurredAt: {
      min: occurredAt.parsed('min', 'a time with six decimals', micros),
      max: occurredAt.parsed('max', 'a time with six decimals', micros),
    },
    retainUntil: members.parsed('retainUntil', 'a time', time),
  };
}

function parseRow(value: Json, index: number): PartitionRow {
  const where = `manifest.partitions[${index}]`;
  const members = new Members(value, where, ['partition', 'generation', 'next', 'lastSeal', ...counts, 'segments']);
  if (members.count('partition') !== index)
    members.fail(`found partition ${members.count('partition')}, expected ${index}`);
  return {
    partition: index,
    generation: members.count('generation'),
    next: members.parsed('next', 'a decimal', parseDecimal),
    lastSeal: members.value('lastSeal') === null ? null : members.parsed('lastSeal', 'a base64 SHA256', hash),
    events: members.count('events'),
    skipped: members.count('skipped'),
    lost: members.count('lost'),
    seals: members.count('seals'),
    segments: members.array('segments').map((segment, i) => parseListed(segment, `${where}.segments[${i}]`)),
  };
}

/** Parses a manifest's text, shape only; throws `malformed-manifest`. */
export function parseManifest(text: string): Manifest {
  try {
    if (/^\n|\n\n/.test(text)) throw new ProofError('malformed-manifest', 'its text has an empty line');
    const names = ['format', 'origin', 'period', 'duration', 'root', ...counts, 'previous', 'partitions'];
    const members = new Members(parseJson(text), 'manifest', names);
    if (members.string('format') !== 'tidemark-batch/1')
      members.fail(`found format "${members.string('format')}", expected tidemark-batch/1`);
    const previous = members.value('previous');
    const before = previous === null ? null : new Members(previous, 'manifest.previous', ['period', 'sha256']);
    return {
      origin: members.string('origin'),
      period: members.parsed('period', 'a time', time),
      duration: parseDuration(members.string('duration')).text,
      root: members.parsed('root', 'a base64 SHA256', hash),
      events: members.count('events'),
      skipped: members.count('skipped'),
      lost: members.count('lost'),
      seals: members.count('seals'),
      previous: before && {
        period: before.parsed('period', 'a time', time),
        sha256: before.parsed('sha256', 'a hex SHA256', digest),
      },
      partitions: members.array('partitions').map(parseRow),
    };
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause;
    throw new ProofError('malformed-manifest', `not a manifest: ${cause.message}`, { cause });
  }
}

/** The manifest's text, ending in a newline. */
export function formatManifest(manifest: Manifest): string {
  const json = {
    format: 'tidemark-batch/1',
    ...manifest,
    root: base64(manifest.root),
    partitions: manifest.partitions.map(row => ({
      ...row,
      next: String(row.next),
      lastSeal: row.lastSeal && base64(row.lastSeal),
      segments: row.segments.map(segment => ({
        ...segment,
        first: String(segment.first),
        next: String(segment.next),
        lastSeal: base64(segment.lastSeal),
      })),
    })),
  };
  return `${JSON.stringify(json, null, 1)}\n`;
}

/** The batch root: over the texts of all its seals, by partition and then along the chain. */
export function batchRoot(sha256: Crypto['sha256'], sealTexts: readonly Uint8Array[]): Uint8Array {
  return treeRoot(
    sha256,
    sealTexts.map(text => leafHash(sha256, text)),
  );
}

/** Where a partition's chain stands after this row. `sealedAt` of an end before it, for a row without segments. */
export function endOfRow(row: PartitionRow, before: ChainEnd = chainStart): ChainEnd {
  return {
    generation: row.generation,
    next: row.next,
    lastSeal: row.lastSeal,
    sealedAt: row.segments.at(-1)?.sealed.last ?? before.sealedAt,
  };
}

/** `archive.json`: what never changes. */
export interface Archive {
  readonly origin: string;
  /** Raw topic. */
  readonly topic: string;
  readonly duration: Duration;
  /** Start of the first period. */
  readonly first: string;
}

export const archiveKey = 'archive.json';

export function formatArchive(archive: Archive): string {
  return `${JSON.stringify({ format: 'tidemark-archive/1', ...archive, duration: archive.duration.text }, null, 1)}\n`;
}

/** Parses `archive.json`; throws `malformed-archive`. */
export function parseArchive(text: string): Archive {
  try {
    const members = new Members(parseJson(text), 'archive.json', ['format', 'origin', 'topic', 'duration', 'first']);
    if (members.string('format') !== 'tidemark-archive/1')
      members.fail(`found format "${members.string('format')}", expected tidemark-archive/1`);
    const duration = parseDuration(members.string('duration'));
    const first = members.parsed('first', 'a time', time);
    if ((parseTime(first) ?? 1) % duration.ms !== 0)
      members.fail(`first period ${first} is not aligned to ${duration.text}`);
    return {
      origin: members.parsed('origin', 'a name', name => (isKeyName(name) ? name : null)),
      topic: members.string('topic'),
      duration,
      first,
    };
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause;
    throw new ProofError('malformed-archive', cause.message, { cause });
  }
}

/** Hex SHA256 of an object's bytes, as manifests and entries name it. */
export function objectDigest(sha256: Crypto['sha256'], bytes: Uint8Array): string {
  return hex(sha256(bytes));
}
