// A run: the events of one transaction, with the raw offsets that they account for, and the seal over them. Pure but for the signature.

import { hex, utf8 } from '../../core/proof/bytes.ts';
import { type ChainEnd, chainAfter, previousOf } from '../../core/proof/chain.ts';
import type { Crypto } from '../../core/proof/crypto.ts';
import { leafHashWithRoom, TreeHasher } from '../../core/proof/merkle.ts';
import { type Signer, signNote } from '../../core/proof/note.ts';
import { formatSeal, parseSeal, type Seal, sealHash } from '../../core/proof/seal.ts';

/** What all runs of a partition have in common. */
export interface Chain {
  readonly origin: string;
  readonly topic: string;
  readonly generation: number;
  readonly partition: number;
  /** Partitions of the raw topic. */
  readonly partitions: number;
  /** Id by which the registry knows the schema of events. */
  readonly schemaId: number;
  /** Text that the registry answers for that id. */
  readonly schemaText: string;
}

/** Bytes of a value before its datum: 0, and the schema's id (4 bytes, big-endian). */
export const VALUE_ROOM = 5;

export interface RunEvent {
  readonly key: Buffer | null;
  /** The datum behind {@link VALUE_ROOM} bytes, which the run fills in. */
  readonly value: Buffer;
}

export interface SealedRun {
  readonly events: readonly RunEvent[];
  readonly bytes: number;
  readonly seal: Seal;
  /** The seal as a signed note: the header of the last event. */
  readonly note: Buffer;
  /** Where the chain stands behind it. */
  readonly end: ChainEnd;
}

/** Collects a run from the raw offset `first` on. Offsets come in order: each by `add`, or within `skip` or `lose`. */
export class RunBuilder {
  readonly first: bigint;
  readonly #chain: Chain;
  readonly #sha256: Crypto['sha256'];
  readonly #tree: TreeHasher;
  readonly #prefix: Buffer;
  readonly #events: RunEvent[] = [];
  #next: bigint;
  #skipped = 0n;
  #lost = 0n;
  #bytes = 0;

  constructor(sha256: Crypto['sha256'], chain: Chain, first: bigint) {
    this.first = first;
    this.#chain = chain;
    this.#sha256 = sha256;
    this.#tree = new TreeHasher(sha256);
    this.#next = first;
    this.#prefix = Buffer.alloc(VALUE_ROOM);
    this.#prefix.writeUInt32BE(chain.schemaId, 1);
  }

  get events(): number {
    return this.#events.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The raw offset behind what it accounts for. */
  get next(): bigint {
    return this.#next;
  }

  /** The event that the record at the next offset became; it is the run's from now on. */
  add(event: RunEvent): void {
    const { key, value } = event;
    this.#tree.append(leafHashWithRoom(this.#sha256, value.subarray(VALUE_ROOM - 1)));
    value.set(this.#prefix);
    this.#events.push(event);
    this.#bytes += value.length + (key?.length ?? 0) + 64;
    this.#next++;
  }

  /** Offsets that were seen to hold no committed record. */
  skip(count: bigint): void {
    this.#skipped += count;
    this.#next += count;
  }

  /** Offsets that were gone before they could be read. */
  lose(count: bigint): void {
    this.#lost += count;
    this.#next += count;
  }

  /** Seals the run as the one that follows `end`, at `now` (ms) or, if clocks fell back, at the time of the seal before. */
  seal(end: ChainEnd, now: number, signer: Signer): SealedRun {
    const { origin, topic, generation, partition, partitions, schemaText } = this.#chain;
    const seal: Seal = {
      origin,
      topic,
      generation,
      partition,
      partitions,
      first: this.first,
      next: this.#next,
      events: this.#events.length,
      skipped: Number(this.#skipped),
      lost: Number(this.#lost),
      sealedAt: Math.max(now, end.sealedAt),
      schema: hex(this.#sha256(utf8(schemaText))),
      root: this.#tree.root(),
      previous: previousOf(this.#sha256, end),
    };
    const text = formatSeal(seal);
    // What nobody would accept is not signed: all that follows it would have to be made anew.
    parseSeal(text);
    return {
      events: this.#events,
      bytes: this.#bytes,
      seal,
      note: Buffer.from(signNote(text, signer)),
      end: chainAfter(seal, sealHash(this.#sha256, text)),
    };
  }
}
