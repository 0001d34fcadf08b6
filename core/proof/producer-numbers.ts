// What one segment says of producers' numbers (archive format, section 1), in columns: small enough to be handed from one thread to
// another, and taken into the ledger (producers.ts) a span at a time instead of an event at a time.

import type { EventFields, ProducerFields } from './avro.ts';

/**
 * Numbers by instance, in the order in which instances appear. A column is one instance's events whose numbers rise; where they fall or
 * come twice, the instance's next column begins. A span is numbers of a column without a hole; its edges are the events of its lowest
 * and its highest number, one where they are the same.
 */
export interface SegmentNumbers {
  /** Of each column its instance. */
  readonly instances: readonly string[];
  /** Of each column how many spans it has. */
  readonly spans: Uint32Array;
  /** Of each column whether the event with its highest number says that the instance ends. */
  readonly ended: Uint8Array;
  /** Of each span its lowest number. */
  readonly firsts: BigInt64Array;
  /** Of each span how many numbers it has. */
  readonly counts: Uint32Array;
  /** Of each number the fingerprint of its event's id. */
  readonly prints: Uint32Array;
  /** Of each edge the event's id, its raw offset, and the run that it is in. */
  readonly ids: readonly string[];
  readonly offsets: BigInt64Array;
  readonly runs: Uint32Array;
  /** Numbers that were given up, both ends included, by column. */
  readonly abandoned: readonly { readonly column: number; readonly first: bigint; readonly last: bigint }[];
}

/** FNV-1a, 32 bits, never 0: by it an event that came twice is told from another event with its number. */
function fingerprint(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash >>> 0 || 1;
}

class Column {
  readonly instance: string;
  readonly firsts: bigint[] = [];
  readonly counts: number[] = [];
  readonly prints: number[] = [];
  readonly ids: string[] = [];
  readonly offsets: bigint[] = [];
  readonly runs: number[] = [];
  readonly abandoned: { first: bigint; last: bigint }[] = [];
  highest: bigint;
  ended = false;

  constructor(instance: string, number: bigint) {
    this.instance = instance;
    this.highest = number - 2n;
  }

  take(number: bigint, id: string, offset: bigint, run: number): void {
    const span = this.counts.length - 1;
    let edge = this.ids.length;
    if (number === this.highest + 1n) {
      const count = (this.counts[span] ?? 0) + 1;
      this.counts[span] = count;
      if (count > 2) edge--;
    } else {
      this.firsts.push(number);
      this.counts.push(1);
    }
    this.ids[edge] = id;
    this.offsets[edge] = offset;
    this.runs[edge] = run;
    this.prints.push(fingerprint(id));
    this.highest = number;
  }
}

/** Gathers the numbers of a segment's events, taken in their order. */
export class NumbersBuilder {
  readonly #columns = new Map<string, Column[]>();

  /** `run`: index of the run that the event is in. */
  take({ id, offset, producer }: EventFields, run: number): void {
    if (!producer) return;
    const { instance, sequence, last, abandoned } = producer;
    let columns = this.#columns.get(instance);
    if (!columns) {
      columns = [];
      this.#columns.set(instance, columns);
    }
    let column = columns[columns.length - 1];
    if (!column || sequence <= column.highest) {
      column = new Column(instance, sequence);
      columns.push(column);
    }
    column.take(sequence, id, offset, run);
    column.ended = last;
    if (abandoned.length > 0) giveUp(column, sequence, abandoned);
  }

  build(): SegmentNumbers {
    const columns = [...this.#columns.values()].flat();
    const total = (name: 'firsts' | 'prints' | 'ids') => columns.reduce((sum, column) => sum + column[name].length, 0);
    const [spans, numbers, edges] = [total('firsts'), total('prints'), total('ids')];
    const built = {
      instances: columns.map(({ instance }) => instance),
      spans: Uint32Array.from(columns, ({ counts }) => counts.length),
      ended: Uint8Array.from(columns, ({ ended }) => Number(ended)),
      firsts: new BigInt64Array(spans),
      counts: new Uint32Array(spans),
      prints: new Uint32Array(numbers),
      ids: new Array<string>(edges).fill(''),
      offsets: new BigInt64Array(edges),
      runs: new Uint32Array(edges),
      abandoned: columns.flatMap((column, index) => column.abandoned.map(range => ({ column: index, ...range }))),
    };
    let [span, print, edge] = [0, 0, 0];
    for (const { firsts, counts, prints, ids, offsets, runs } of columns) {
      // By index: these are as many as events, and anything else takes as long as reading them.
      for (let i = 0; i < firsts.length; i++, span++) {
        built.firsts[span] = firsts[i] ?? 0n;
        built.counts[span] = counts[i] ?? 0;
      }
      for (let i = 0; i < prints.length; i++, print++) built.prints[print] = prints[i] ?? 0;
      for (let i = 0; i < ids.length; i++, edge++) {
        built.ids[edge] = ids[i] ?? '';
        built.offsets[edge] = offsets[i] ?? 0n;
        built.runs[edge] = runs[i] ?? 0;
      }
    }
    return built;
  }
}

function giveUp(column: Column, sequence: bigint, abandoned: ProducerFields['abandoned']): void {
  // A number is given up by a later event: what is to come can't be.
  for (const { first, last } of abandoned) {
    const end = last < sequence ? last : sequence - 1n;
    if (first <= end) column.abandoned.push({ first, last: end });
  }
}
