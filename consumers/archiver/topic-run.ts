// Records of the events topic, put together to runs: the records up to one that carries a seal, as many as it counts. Records
// before those are of a torn transaction. Nothing is checked here but that a run can be made (see run-check.ts).

import { checkFormat } from '../../core/edge/s3/accepted.ts';
import type { Crypto } from '../../core/proof/crypto.ts';
import { ProofError } from '../../core/proof/error.ts';
import { SEAL_HEADER } from '../../core/proof/seal.ts';
import { parseSealNote, type SealedNote } from '../../core/proof/segment.ts';

/** As much of a fetched record as matters. */
export interface TopicRecord {
  readonly offset: bigint;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
}

/** A run as the topic has it. Offsets are those of the events topic. */
export interface TopicRun {
  readonly sealed: SealedNote;
  readonly sealNote: Uint8Array;
  readonly datums: readonly Uint8Array[];
  /** Schema id of its events; null: they differ, or a record is no event. */
  readonly schemaId: number | null;
  /** Bytes of its datums. */
  readonly bytes: number;
  readonly firstOffset: bigint;
  readonly nextOffset: bigint;
}

export type Assembled =
  | { readonly kind: 'run'; readonly run: TopicRun }
  | { readonly kind: 'torn'; readonly firstOffset: bigint; readonly nextOffset: bigint; readonly why: string };

interface Buffered {
  readonly offset: bigint;
  readonly datum: Uint8Array;
  readonly schemaId: number | null;
}

/** Confluent's prefix: a zero byte and the schema's id. */
const prefixLength = 5;
/** Records without a seal that are kept: far more than a transaction holds. */
const maxBufferedBytes = 256 << 20;

const none: TopicRecord['headers'] = [];

function schemaIdOf(value: Uint8Array): number {
  const [, a = 0, b = 0, c = 0, d = 0] = value;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

export class RunAssembler {
  readonly #sha256: Crypto['sha256'];
  #buffer: Buffered[] = [];
  #bytes = 0;

  constructor(sha256: Crypto['sha256']) {
    this.#sha256 = sha256;
  }

  /** Offset of the first record that waits for its seal; null: none does. */
  get waitingFrom(): bigint | null {
    return this.#buffer[0]?.offset ?? null;
  }

  /** Takes the next record; answers what it completes. Throws `unknown-format` for a seal of a later version. */
  push(record: TopicRecord): Assembled[] {
    const { offset, value } = record;
    const isEvent = value !== null && value.length > prefixLength && value[0] === 0;
    const datum = isEvent ? value.subarray(prefixLength) : new Uint8Array();
    this.#buffer.push({ offset, datum, schemaId: isEvent ? schemaIdOf(value) : null });
    this.#bytes += datum.length;
    const seals = record.headers.length === 0 ? none : record.headers.filter(([name]) => name === SEAL_HEADER);
    if (seals.length === 0) return this.#bytes > maxBufferedBytes ? [this.#tear('no seal comes')] : [];
    const sealNote = seals[0]?.[1];
    if (seals.length > 1 || !sealNote) return [this.#tear('it has several seals, or an empty one')];
    try {
      return this.#complete(parseSealNote(this.#sha256, sealNote), sealNote);
    } catch (error) {
      if (!(error instanceof ProofError)) throw error;
      checkFormat(Buffer.from(sealNote).toString(), 'tidemark-seal', '1', `events topic, offset ${offset}`);
      return [this.#tear(error.message)];
    }
  }

  #complete(sealed: SealedNote, sealNote: Uint8Array): Assembled[] {
    const { events } = sealed.seal;
    if (this.#buffer.length < events) return [this.#tear(`${this.#buffer.length} records, its seal counts ${events}`)];
    const own = this.#buffer.slice(-events);
    this.#buffer = this.#buffer.slice(0, -events);
    const torn = this.#buffer.length > 0 ? [this.#tear('its transaction has no seal')] : [];
    this.#bytes = 0;
    this.#buffer = [];
    const [first] = own;
    const last = own.at(-1);
    if (!first || !last) return torn;
    const run = {
      sealed,
      sealNote,
      datums: own.map(({ datum }) => datum),
      schemaId: own.every(({ schemaId }) => schemaId === first.schemaId) ? first.schemaId : null,
      bytes: own.reduce((sum, { datum }) => sum + datum.length, 0),
      firstOffset: first.offset,
      nextOffset: last.offset + 1n,
    };
    return [...torn, { kind: 'run', run }];
  }

  #tear(why: string): Assembled {
    const [first, last] = [this.#buffer[0], this.#buffer.at(-1)];
    this.#buffer = [];
    this.#bytes = 0;
    return { kind: 'torn', firstOffset: first?.offset ?? 0n, nextOffset: (last?.offset ?? -1n) + 1n, why };
  }
}
