// The segment: one object of one partition's events (archive format, section 3). An Avro container of whole runs that follow
// each other in the chain, of one schema and one generation, with sealing times in one period. Its metadata carries the seals:
//
//   avro.schema      the schema's text, byte for byte
//   tidemark.seals   JSON array of its seals, each a signed note
//   sync marker      first 16 bytes of SHA256 of its last seal's text

import { AvroReader, compileEventReader, type EventFields, type ReadEvent } from './avro.ts';
import { equalBytes, hex, textOf, utf8 } from './bytes.ts';
import { type Block, type Codec, formatContainer, openContainer } from './container.ts';
import type { Crypto, Decompress } from './crypto.ts';
import { ProofError } from './error.ts';
import { parseJson } from './json.ts';
import { leafHash, TreeHasher } from './merkle.ts';
import { type Note, parseNote } from './note.ts';
import { formatTime } from './period.ts';
import { parseSeal, type Seal, sealHash } from './seal.ts';

/** What a segment's data may come to when opened. */
export const maxSegmentData = 2 ** 30;

/** Key of a segment relative to the prefix; `sealedAt` is its first seal's time. */
export function segmentKey(place: { partition: number; generation: number; first: bigint; sealedAt: number }): string {
  const time = formatTime(place.sealedAt);
  const name = [
    String(place.partition).padStart(5, '0'),
    String(place.generation).padStart(3, '0'),
    String(place.first).padStart(20, '0'),
  ].join('-');
  return `events/dt=${time.slice(0, 10)}/hour=${time.slice(11, 13)}/${name}.avro`;
}

/** What a segment's key says, or null where it is not one. */
export function parseSegmentKey(
  key: string,
): { hour: string; partition: number; generation: number; first: bigint } | null {
  const match = /^events\/(dt=\d{4}-\d\d-\d\d\/hour=\d\d)\/(\d{5,})-(\d{3,})-(\d{20})\.avro$/.exec(key);
  if (!match) return null;
  const [, hour = '', partition, generation, first = '0'] = match;
  return { hour, partition: Number(partition), generation: Number(generation), first: BigInt(first) };
}

export interface SealedNote {
  readonly seal: Seal;
  readonly note: Note;
  /** SHA256 of the seal's text. */
  readonly hash: Uint8Array;
}

/** Parses a seal's note without checking its signature; throws `malformed-note` or `malformed-seal`. */
export function parseSealNote(sha256: Crypto['sha256'], bytes: Uint8Array): SealedNote {
  const note = parseNote(bytes);
  return { seal: parseSeal(note.text), note, hash: sealHash(sha256, note.text) };
}

export interface SegmentEvent {
  readonly fields: EventFields;
  /** The Avro datum: the event's leaf data. */
  readonly datum: Uint8Array;
}

export interface Run {
  readonly sealed: SealedNote;
  readonly events: readonly SegmentEvent[];
}

export interface Segment {
  readonly schemaText: string;
  /** Hex SHA256 of the schema's text. */
  readonly schema: string;
  readonly codec: Codec;
  readonly runs: readonly [Run, ...Run[]];
}

/** Compiled readers by schema digest: years of segments share few schemas. */
export type ReaderCache = Map<string, ReadEvent>;

function metadataText(metadata: ReadonlyMap<string, Uint8Array>, name: string): string {
  const bytes = metadata.get(name);
  if (!bytes) throw new ProofError('malformed-segment', `metadata "${name}" is missing`);
  try {
    return textOf(bytes);
  } catch (cause) {
    throw new ProofError('malformed-segment', `metadata "${name}" is not valid UTF-8`, { cause });
  }
}

function parseSeals(sha256: Crypto['sha256'], text: string): SealedNote[] {
  const seals = parseJson(text);
  if (!Array.isArray(seals) || seals.length === 0)
    throw new ProofError('malformed-segment', '"tidemark.seals" is not an array of seals');
  return seals.map((seal: unknown) => {
    if (typeof seal !== 'string')
      throw new ProofError('malformed-segment', '"tidemark.seals" holds something other than notes');
    return parseSealNote(sha256, utf8(seal));
  });
}

/** A segment that is read as its blocks are asked for. */
export interface OpenSegment {
  /** Text and hex SHA256 of the schema. */
  readonly schemaText: string;
  readonly schema: string;
  readonly codec: Codec;
  readonly read: ReadEvent;
  readonly seals: readonly [SealedNote, ...SealedNote[]];
  readonly sync: Uint8Array;
  readonly blocks: Iterable<Block>;
}

/**
 * Opens a segment: its schema and seals, and its blocks one after the other. Nothing of what the seals claim is checked yet but their
 * form. Throws a ProofError for anything that is no segment; of what is in its blocks, when they are asked for; at the end see {@link checkEnd}.
 */
export function openSegment(
  crypto: Crypto,
  bytes: Uint8Array,
  decompress: Decompress,
  readers: ReaderCache,
): OpenSegment {
  const { metadata, codec, sync, blocks } = openContainer(bytes, decompress, maxSegmentData);
  const schemaText = metadataText(metadata, 'avro.schema');
  const schema = hex(crypto.sha256(utf8(schemaText)));
  const read = readers.get(schema) ?? compileEventReader(schemaText);
  readers.set(schema, read);
  const [first, ...rest] = parseSeals(crypto.sha256, metadataText(metadata, 'tidemark.seals'));
  if (!first) throw new ProofError('malformed-segment', 'it has no run');
  return { schemaText, schema, codec, read, seals: [first, ...rest], sync, blocks };
}

/** Takes each event of a block, with the place of its datum in the block's data; throws where they are not as many as it counts. */
export function forEachEvent(
  read: ReadEvent,
  { count, data }: Block,
  take: (fields: EventFields, start: number, end: number) => void,
): void {
  const reader = new AvroReader(data);
  for (let i = 0; i < count; i++) {
    const start = reader.position;
    take(read(reader), start, reader.position);
  }
  if (!reader.done) throw new ProofError('malformed-segment', `a block of ${count} events has bytes behind the last`);
}

/** Once all blocks are read: throws where the seals do not count the events that are there, or the sync marker does not belong to them. */
export function checkEnd({ seals, sync }: OpenSegment, events: number): void {
  const counted = seals.reduce((sum, { seal }) => sum + seal.events, 0);
  if (counted !== events) throw new ProofError('malformed-segment', `${events} events, but its seals count ${counted}`);
  if (!equalBytes(sync, (seals.at(-1) ?? seals[0]).hash.subarray(0, 16))) {
    throw new ProofError('malformed-segment', "the sync marker is not the beginning of its last seal's digest");
  }
}

/** As {@link openSegment}, with all its events: as many to each seal as it counts (see {@link checkRun}). */
export function parseSegment(
  crypto: Crypto,
  bytes: Uint8Array,
  decompress: Decompress,
  readers: ReaderCache = new Map(),
): Segment {
  const open = openSegment(crypto, bytes, decompress, readers);
  const { schemaText, schema, codec, read, seals, blocks } = open;
  const events: SegmentEvent[] = [];
  for (const block of blocks)
    forEachEvent(read, block, (fields, start, end) => events.push({ fields, datum: block.data.subarray(start, end) }));
  checkEnd(open, events.length);
  let at = 0;
  const runOf = (sealed: SealedNote): Run => {
    const start = at;
    at += sealed.seal.events;
    return { sealed, events: events.slice(start, at) };
  };
  const [first, ...rest] = seals;
  return { schemaText, schema, codec, runs: [runOf(first), ...rest.map(runOf)] };
}

/** What is wrong between a run's events and its seal, as they are taken one after the other. */
export class RunCheck {
  readonly #seal: Seal;
  readonly #schema: string;
  readonly #tree: TreeHasher;
  readonly #problems: string[] = [];
  #above: bigint;

  /** `schema`: the digest of the one that the events are under. */
  constructor(sha256: Crypto['sha256'], seal: Seal, schema: string) {
    this.#seal = seal;
    this.#schema = schema;
    this.#tree = new TreeHasher(sha256);
    this.#above = seal.first - 1n;
  }

  get events(): number {
    return this.#tree.size;
  }

  /** The next event, with the hash of its datum as a leaf. */
  take(fields: EventFields, leaf: Uint8Array): void {
    const seal = this.#seal;
    this.#tree.append(leaf);
    if (fields.topic !== seal.topic || fields.generation !== seal.generation || fields.partition !== seal.partition) {
      this.#problems.push(
        `event ${fields.id} is from ${fields.topic} generation ${fields.generation} partition ${fields.partition}`,
      );
    }
    if (fields.offset <= this.#above || fields.offset >= seal.next) {
      this.#problems.push(
        `event ${fields.id} has raw offset ${fields.offset}, expected one from ${this.#above + 1n} to ${seal.next - 1n}`,
      );
    }
    this.#above = fields.offset;
  }

  /** In words; empty where the seal is true of the events. */
  conclude(): string[] {
    const { schema, events, root } = this.#seal;
    const whole: string[] = [];
    if (schema !== this.#schema) whole.push(`the seal is over schema ${schema}, the events are under ${this.#schema}`);
    if (this.events !== events) whole.push(`${this.events} events, the seal counts ${events}`);
    const isTrue = equalBytes(this.#tree.root(), root);
    return [
      ...whole,
      ...this.#problems,
      ...(isTrue ? [] : ['the Merkle root of the events is not the one in the seal']),
    ];
  }
}

/** What is wrong between a run's events and its seal, in words; empty where the seal is true of them. */
export function checkRun(sha256: Crypto['sha256'], run: Run, schema: string): string[] {
  const check = new RunCheck(sha256, run.sealed.seal, schema);
  for (const { fields, datum } of run.events) check.take(fields, leafHash(sha256, datum));
  return check.conclude();
}

/** A run as a writer has it: the note's bytes and the datums. */
export interface SegmentRun {
  readonly sealNote: Uint8Array;
  readonly datums: Iterable<Uint8Array>;
}

/** A block's datums, one after the other. */
export interface SegmentBlock {
  readonly count: number;
  readonly data: Uint8Array;
}

/**
 * The blocks of a segment of these runs, each at most about `blockBytes` of data: to be compressed, in whatever way, and given to
 * {@link formatSegment} in the same order. The same runs give the same blocks.
 */
export function* segmentBlocks(runs: readonly SegmentRun[], blockBytes = 1 << 20): Generator<SegmentBlock> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for (const { datums } of runs) {
    for (const datum of datums) {
      if (size > 0 && size + datum.length > blockBytes) {
        yield blockOf(pending, size);
        pending = [];
        size = 0;
      }
      pending.push(datum);
      size += datum.length;
    }
  }
  if (pending.length > 0) yield blockOf(pending, size);
}

function blockOf(datums: readonly Uint8Array[], size: number): SegmentBlock {
  const data = new Uint8Array(size);
  let at = 0;
  for (const datum of datums) {
    data.set(datum, at);
    at += datum.length;
  }
  return { count: datums.length, data };
}

/** A segment's bytes, of its blocks as they are compressed. */
export function formatSegment(
  sha256: Crypto['sha256'],
  schemaText: string,
  runs: readonly Pick<SegmentRun, 'sealNote'>[],
  codec: Codec,
  blocks: readonly { readonly count: number; readonly compressed: Uint8Array }[],
): Uint8Array {
  const last = runs.at(-1);
  if (!last) throw new ProofError('malformed-segment', 'a segment needs a run');
  const sync = parseSealNote(sha256, last.sealNote).hash.subarray(0, 16);
  const seals = JSON.stringify(runs.map(run => textOf(run.sealNote)));
  const metadata = [
    ['avro.codec', utf8(codec)],
    ['avro.schema', utf8(schemaText)],
    ['tidemark.seals', utf8(seals)],
  ] as const;
  return formatContainer(metadata, sync, blocks);
}

/**
 * Builds a segment's bytes. The same runs give the same bytes, as long as `compress` does the same: racing writers
 * write equal objects.
 */
export function buildSegment(
  sha256: Crypto['sha256'],
  schemaText: string,
  runs: readonly SegmentRun[],
  codec: Codec,
  compress: (data: Uint8Array) => Uint8Array,
): Uint8Array {
  const blocks = Array.from(segmentBlocks(runs), ({ count, data }) => ({ count, compressed: compress(data) }));
  return formatSegment(sha256, schemaText, runs, codec, blocks);
}
