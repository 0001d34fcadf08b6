// Writes a whole archive in memory from a description, by the format page alone and with test keys: what a verifier is tried
// on. It has no crash, no race and no clock, so the same description gives the same bytes. Each stage has a hook, so that
// attackers can be played who hold the normalizer's key (`seal`, `signSeal`), the archiver's (`manifest`, `entry`,
// `checkpoint`, `signManifest`, …) or only the bucket (alter `objects` afterwards, see archive-objects.ts).
//
//   const archive = describe({ partitions: 2, periods: 3, runs: [{ partition: 0, period: 0, events: 3, producer: 'a' }, …] });
//   const { objects } = publish(archive, { manifest: (m, k) => (k === 1 ? { ...m, lost: 0 } : m) });

import { compressors } from '../core/edge/compression.ts';
import { nodeCrypto } from '../core/edge/crypto.ts';
import {
  archiveKey,
  batchRoot,
  formatArchive,
  formatManifest,
  type ListedSegment,
  type Manifest,
  objectDigest,
  type PartitionRow,
} from '../core/proof/batch.ts';
import { hex, utf8 } from '../core/proof/bytes.ts';
import { chainStart } from '../core/proof/chain.ts';
import type { Codec } from '../core/proof/container.ts';
import { leafHash, treeRoot } from '../core/proof/merkle.ts';
import { type Signer, signNote } from '../core/proof/note.ts';
import { formatMicros, formatTime, manifestKey, parseDuration, periodOf } from '../core/proof/period.ts';
import { formatSeal, type Seal, sealHash } from '../core/proof/seal.ts';
import { buildSegment, segmentKey } from '../core/proof/segment.ts';
import { readEvent, type TestEvent, testEvents, testSchemaText } from './archive-events.ts';
import { type LogHooks, writeLog } from './archive-log.ts';
import type { Objects } from './archive-objects.ts';
import { testKeys, testOrigin } from './test-keys.ts';

export type { Objects, StoredVersion } from './archive-objects.ts';
export { flip, hide, loadGolden, memoryStore, putVersion } from './archive-objects.ts';
export { testKeys, testPolicyText, testSealKeysText } from './test-keys.ts';

/** One run, in the order of its partition's chain. What is left out follows from the runs before. */
export interface RunSpec {
  readonly partition: number;
  /** Index of the period that it is sealed in. */
  readonly period: number;
  /** How many, or each by itself. A number makes them at offsets that follow each other. */
  readonly events: number | readonly Partial<TestEvent>[];
  /** Numbers the events of a run in the name of this instance. */
  readonly producer?: string;
  /** The instance's last event is this run's last. */
  readonly closes?: boolean;
  readonly generation?: number;
  readonly first?: bigint;
  readonly skipped?: number;
  readonly lost?: number;
  /** Milliseconds since 1970; otherwise a minute behind the run before in this partition and period. */
  readonly sealedAt?: number;
  readonly schemaText?: string;
  readonly codec?: Codec;
  /** Begins a segment even where the run before would go into the same one. */
  readonly cut?: boolean;
  /** The period whose batch lists its segment, if not its own (a later one: late); null: none does (pending). */
  readonly listedIn?: number | null;
  readonly partitions?: number;
}

export interface ArchiveSpec {
  readonly origin?: string;
  readonly topic?: string;
  readonly duration?: string;
  /** Start of the first period; otherwise 2026-01-05T10:00:00Z. */
  readonly first?: string;
  /** Periods that are logged. */
  readonly periods: number;
  /** Rows of each batch: one number, or one a period. */
  readonly partitions: number | readonly number[];
  readonly runs: readonly RunSpec[];
  /** Milliseconds from a segment's last seal on (rounded up to a second); otherwise 400 days. */
  readonly retention?: number;
}

/** A description with all that was left out filled in. */
export interface ArchiveDescription {
  readonly origin: string;
  readonly topic: string;
  readonly duration: string;
  readonly first: number;
  readonly durationMs: number;
  readonly rows: readonly number[];
  readonly runs: readonly RunSpec[];
  readonly retention: number;
}

/** Fills a description in. */
export function describe(spec: ArchiveSpec): ArchiveDescription {
  const duration = spec.duration ?? 'PT1H';
  const { partitions } = spec;
  const rows = Array.from({ length: spec.periods }, (_, k) =>
    typeof partitions === 'number' ? partitions : (partitions[k] ?? partitions.at(-1) ?? 1),
  );
  return {
    origin: spec.origin ?? testOrigin,
    topic: spec.topic ?? 'audit.raw',
    duration,
    durationMs: parseDuration(duration).ms,
    first: Date.parse(spec.first ?? '2026-01-05T10:00:00Z'),
    rows,
    runs: spec.runs,
    retention: spec.retention ?? 400 * 86_400_000,
  };
}

/** A run as it was sealed. */
export interface WrittenRun {
  readonly spec: RunSpec;
  readonly seal: Seal;
  readonly text: string;
  readonly note: Uint8Array;
  readonly datums: readonly Uint8Array[];
  readonly schemaText: string;
}

export interface WrittenSegment {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly runs: readonly WrittenRun[];
  readonly listed: ListedSegment;
  /** The period whose batch lists it; null: pending. */
  readonly listedIn: number | null;
}

/** What an attacker with a key changes, and where; each gets the true value and gives what is written instead. */
export interface Hooks extends LogHooks {
  /** Before a seal is signed: the chain behind goes on from what this gives. */
  readonly seal?: (seal: Seal, index: number) => Seal;
  /** The note of a seal; otherwise signed by the test normalizer's key. */
  readonly signSeal?: (text: string, index: number) => Uint8Array;
  /** A run's events, before its root is computed. */
  readonly datums?: (datums: readonly Uint8Array[], index: number) => readonly Uint8Array[];
  /** As it is put into the segment, behind the seal's back. */
  readonly stored?: (datums: readonly Uint8Array[], index: number) => readonly Uint8Array[];
  /** A segment's bytes, before they are listed. */
  readonly segment?: (bytes: Uint8Array, key: string) => Uint8Array;
  readonly segmentKey?: (key: string) => string;
  readonly listed?: (listed: ListedSegment) => ListedSegment;
  /** A row of the k-th batch. */
  readonly row?: (row: PartitionRow, k: number) => PartitionRow;
  /** The k-th manifest; the one behind names what this gives. */
  readonly manifest?: (manifest: Manifest, k: number) => Manifest;
  readonly manifestText?: (text: string, k: number) => string;
  readonly signManifest?: (text: string, k: number) => Uint8Array;
  readonly archiveText?: (text: string) => string;
  /** Who signs, where neither hook above says; otherwise the test keys. */
  readonly keys?: { readonly seal?: Signer; readonly log?: Signer };
}

export interface Published {
  readonly objects: Objects;
  readonly runs: readonly WrittenRun[];
  readonly segments: readonly WrittenSegment[];
  readonly manifests: readonly Manifest[];
  /** The end of the last logged period, ms: a time at which the archive is fresh. */
  readonly end: number;
}

const { sha256 } = nodeCrypto;

interface Chain {
  generation: number;
  next: bigint;
  lastSeal: Uint8Array;
  sealedAt: number;
}

function sealRun(
  archive: ArchiveDescription,
  spec: RunSpec,
  index: number,
  chain: Chain,
  hooks: Hooks,
  numbers: Map<string, bigint>,
): WrittenRun {
  const start = archive.first + spec.period * archive.durationMs;
  const generation = spec.generation ?? chain.generation;
  const first = spec.first ?? (generation > chain.generation ? 0n : chain.next);
  const sealedAt = spec.sealedAt ?? Math.max(start, chain.sealedAt) + Math.floor(archive.durationMs / 60);
  const schemaText = spec.schemaText ?? testSchemaText;
  const place = { topic: archive.topic, generation, partition: spec.partition, first, sealedAt };
  const own = testEvents(spec, place, numbers, schemaText);
  const datums = hooks.datums?.(own, index) ?? own;
  const [skipped, lost] = [spec.skipped ?? 0, spec.lost ?? 0];
  const truth: Seal = {
    origin: archive.origin,
    topic: archive.topic,
    generation,
    partition: spec.partition,
    partitions:
      spec.partitions ??
      Math.max(spec.partition + 1, archive.rows[Math.min(spec.period, archive.rows.length - 1)] ?? 1),
    first,
    next: first + BigInt(datums.length + skipped + lost),
    events: datums.length,
    skipped,
    lost,
    sealedAt,
    schema: hex(sha256(utf8(schemaText))),
    root: treeRoot(
      sha256,
      datums.map(datum => leafHash(sha256, datum)),
    ),
    previous: chain.lastSeal,
  };
  const seal = hooks.seal?.(truth, index) ?? truth;
  const text = formatSeal(seal);
  const note = hooks.signSeal?.(text, index) ?? signNote(text, hooks.keys?.seal ?? testKeys.seal);
  Object.assign(chain, { generation, next: seal.next, lastSeal: sealHash(sha256, text), sealedAt: seal.sealedAt });
  return { spec, seal, text, note, datums: hooks.stored?.(datums, index) ?? datums, schemaText };
}

/** Seals all runs, each partition's in the order in which they are described. */
function sealRuns(archive: ArchiveDescription, hooks: Hooks): WrittenRun[] {
  const chains = new Map<number, Chain>();
  const numbers = new Map<string, bigint>();
  return archive.runs.map((spec, index) => {
    const chain = chains.get(spec.partition) ?? { ...chainStart, lastSeal: sha256(new Uint8Array()) };
    chains.set(spec.partition, chain);
    return sealRun(archive, spec, index, chain, hooks, numbers);
  });
}

function groupRuns(archive: ArchiveDescription, runs: readonly WrittenRun[]): WrittenRun[][] {
  const duration = { text: archive.duration, ms: archive.durationMs };
  const groups: WrittenRun[][] = [];
  const open = new Map<number, WrittenRun[]>();
  for (const run of runs) {
    const group = open.get(run.spec.partition);
    const before = group?.at(-1);
    const joins =
      before !== undefined &&
      !run.spec.cut &&
      before.schemaText === run.schemaText &&
      before.seal.generation === run.seal.generation &&
      (before.spec.codec ?? 'zstandard') === (run.spec.codec ?? 'zstandard') &&
      before.spec.listedIn === run.spec.listedIn &&
      periodOf(duration, before.seal.sealedAt) === periodOf(duration, run.seal.sealedAt);
    if (group && joins) group.push(run);
    else {
      const fresh = [run];
      groups.push(fresh);
      open.set(run.spec.partition, fresh);
    }
  }
  return groups;
}

function writeSegment(archive: ArchiveDescription, runs: readonly WrittenRun[], hooks: Hooks): WrittenSegment {
  const [head, last] = [runs[0], runs.at(-1)];
  if (!head || !last) throw new Error('a segment needs a run');
  const codec = head.spec.codec ?? 'zstandard';
  const own = segmentKey({ ...head.seal });
  const key = hooks.segmentKey?.(own) ?? own;
  const parts = runs.map(({ note, datums }) => ({ sealNote: note, datums }));
  const built = buildSegment(sha256, head.schemaText, parts, codec, compressors[codec]);
  const bytes = hooks.segment?.(built, key) ?? built;
  const times = runs
    .flatMap(run => run.datums.map(datum => readEvent(run.schemaText, datum).occurredAt))
    .sort((a, b) => (a < b ? -1 : 1));
  const truth: ListedSegment = {
    key,
    sha256: objectDigest(sha256, bytes),
    bytes: bytes.length,
    events: runs.reduce((sum, { seal }) => sum + seal.events, 0),
    seals: runs.length,
    generation: head.seal.generation,
    first: head.seal.first,
    next: last.seal.next,
    lastSeal: sealHash(sha256, last.text),
    schema: head.seal.schema,
    sealed: { first: head.seal.sealedAt, last: last.seal.sealedAt },
    occurredAt: { min: formatMicros(times[0] ?? 0n), max: formatMicros(times.at(-1) ?? 0n) },
    retainUntil: formatTime(Math.ceil((last.seal.sealedAt + archive.retention) / 1000) * 1000),
  };
  const listedIn = head.spec.listedIn === undefined ? head.spec.period : head.spec.listedIn;
  return { key, bytes, runs, listed: hooks.listed?.(truth) ?? truth, listedIn };
}

function sum(values: readonly { events: number; skipped: number; lost: number; seals: number }[]) {
  const total = { events: 0, skipped: 0, lost: 0, seals: 0 };
  for (const value of values)
    for (const name of ['events', 'skipped', 'lost', 'seals'] as const) total[name] += value[name];
  return total;
}

function makeRow(
  partition: number,
  segments: readonly WrittenSegment[],
  before: PartitionRow | undefined,
): PartitionRow {
  const last = segments.at(-1)?.listed;
  return {
    partition,
    generation: last?.generation ?? before?.generation ?? 0,
    next: last?.next ?? before?.next ?? 0n,
    lastSeal: last?.lastSeal ?? before?.lastSeal ?? null,
    ...sum(segments.flatMap(({ runs }) => runs.map(({ seal }) => ({ ...seal, seals: 1 })))),
    segments: segments.map(({ listed }) => listed),
  };
}

interface WrittenBatch {
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
}

function writeBatch(
  archive: ArchiveDescription,
  k: number,
  segments: readonly WrittenSegment[],
  before: WrittenBatch | undefined,
  hooks: Hooks,
): WrittenBatch {
  const rows = Array.from({ length: archive.rows[k] ?? 0 }, (_, partition) => {
    const own = segments.filter(({ runs, listedIn }) => listedIn === k && runs[0]?.seal.partition === partition);
    const row = makeRow(partition, own, before?.manifest.partitions[partition]);
    return hooks.row?.(row, k) ?? row;
  });
  const sealTexts = Array.from({ length: rows.length }, (_, partition) =>
    segments.filter(({ runs, listedIn }) => listedIn === k && runs[0]?.seal.partition === partition),
  ).flatMap(own => own.flatMap(({ runs }) => runs.map(({ text }) => utf8(text))));
  const truth: Manifest = {
    origin: archive.origin,
    period: formatTime(archive.first + k * archive.durationMs),
    duration: archive.duration,
    root: batchRoot(sha256, sealTexts),
    ...sum(rows),
    previous: before ? { period: before.manifest.period, sha256: objectDigest(sha256, before.bytes) } : null,
    partitions: rows,
  };
  const manifest = hooks.manifest?.(truth, k) ?? truth;
  const own = formatManifest(manifest);
  const text = hooks.manifestText?.(own, k) ?? own;
  return { manifest, bytes: hooks.signManifest?.(text, k) ?? signNote(text, hooks.keys?.log ?? testKeys.log) };
}

/** Writes the archive: all objects, each locked until the latest `retainUntil`, segments until their own. */
export function publish(archive: ArchiveDescription, hooks: Hooks = {}): Published {
  const runs = sealRuns(archive, hooks);
  const segments = groupRuns(archive, runs).map(group => writeSegment(archive, group, hooks));
  const batches: WrittenBatch[] = [];
  for (const k of archive.rows.keys()) batches.push(writeBatch(archive, k, segments, batches.at(-1), hooks));
  const end = archive.first + archive.rows.length * archive.durationMs;
  const longest = Math.max(end + archive.retention, ...segments.map(({ listed }) => Date.parse(listed.retainUntil)));
  const objects: Objects = new Map();
  const put = (key: string, bytes: Uint8Array, lastModified: number, retainUntil = longest) => {
    const version = { bytes, retainUntil, mode: 'COMPLIANCE', isDeleteMarker: false, lastModified } as const;
    objects.set(key, [...(objects.get(key) ?? []), version]);
  };
  const { origin, topic, duration, durationMs, first } = archive;
  const archiveText = formatArchive({
    origin,
    topic,
    duration: { text: duration, ms: durationMs },
    first: formatTime(first),
  });
  put(archiveKey, utf8(hooks.archiveText?.(archiveText) ?? archiveText), first);
  for (const { key, bytes, listed } of segments) put(key, bytes, listed.sealed.last, Date.parse(listed.retainUntil));
  for (const [k, { bytes }] of batches.entries())
    put(manifestKey(first + k * durationMs), bytes, first + (k + 1) * durationMs);
  const log = { origin, durationMs, batches, signer: hooks.keys?.log ?? testKeys.log, witnesses: [testKeys.witness] };
  writeLog(log, hooks, put);
  return { objects, runs, segments, manifests: batches.map(({ manifest }) => manifest), end };
}
