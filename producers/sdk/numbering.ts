/**
 * The numbers of one producer instance (archive format, section 1): from 0, without holes, over all partitions. A number
 * is taken only by an event that passed every check, and is never given twice; one that was given up is listed as
 * abandoned by a later event, and stays to be listed until an event that lists it has arrived.
 */
import { LIMITS } from '../../core/event/index.ts';
import type { Producer, SequenceRange } from '../../schemas/types.ts';

export class Numbering {
  readonly instance: string;
  #next = 0;
  #abandoned: SequenceRange[] = [];

  constructor(instance: string) {
    this.instance = instance;
  }

  /** How many numbers were taken. */
  get taken(): number {
    return this.#next;
  }

  /** What the next event would carry; nothing is taken yet. */
  peek(last = false): Producer {
    return {
      instance: this.instance,
      sequence: this.#next,
      last,
      abandoned: this.#abandoned.slice(0, LIMITS.abandoned),
    };
  }

  /** Takes the number that was peeked, and with it the abandoned ones that it lists. */
  take(): void {
    this.#next += 1;
    this.#abandoned = this.#abandoned.slice(LIMITS.abandoned);
  }

  /** Gives up an event: its number, and those that it would have listed. */
  abandon(producer: Producer): void {
    const own = { first: producer.sequence, last: producer.sequence };
    this.#abandoned = merge([...this.#abandoned, ...producer.abandoned, own]);
  }
}

/** Ranges in order, those that touch joined. */
function merge(ranges: SequenceRange[]): SequenceRange[] {
  const merged: SequenceRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const previous = merged.at(-1);
    if (previous !== undefined && range.first <= previous.last + 1) previous.last = Math.max(previous.last, range.last);
    else merged.push({ ...range });
  }
  return merged;
}
