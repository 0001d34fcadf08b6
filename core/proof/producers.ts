// Producers' numbers (archive format, section 1): each instance numbers its events from 0 without holes over all partitions, so
// a hole among the numbers found is an event that was lost before it was sealed. Kept as intervals, so that memory follows the
// number of holes and not that of events.

import type { ProducerFields } from './avro.ts';
import type { Notebook, Where } from './finding.ts';

/** An event at the edge of an interval, by which a hole is located. */
export interface SeenEvent {
  readonly id: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Sealing time of its run, ms. */
  readonly sealedAt: number;
}

interface Interval {
  first: bigint;
  last: bigint;
  low: SeenEvent;
  high: SeenEvent;
}

interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

interface Instance {
  /** In order, neither touching nor overlapping. */
  intervals: Interval[];
  abandoned: Range[];
  doubled: number;
  /** Of those, how many with another event. */
  different: number;
  firstDoubled: bigint | null;
  ids: SeenIds;
  /** Whether the event with the highest number says that the instance ends. */
  ended: boolean;
}

/** What decides whether a hole is a finding. */
export interface LedgerContext {
  /** End of the head's last period, ms. */
  readonly headEnd: number;
  readonly periodMs: number;
  /** Latest sealing time within any expired segment, ms; null where none is expired. */
  readonly expiredUpTo: number | null;
  /** Latest sealing time within any segment that is missing or can't be read, ms; null where there is none. */
  readonly unreadUpTo: number | null;
  /** Whether any chain begins above raw offset 0: what was before was never promised. */
  readonly beginsLate: boolean;
}

export class ProducerLedger {
  readonly #instances = new Map<string, Instance>();

  /** Adds an event's number; events may come in any order. */
  add(producer: ProducerFields, event: SeenEvent): void {
    let instance = this.#instances.get(producer.instance);
    if (!instance) {
      instance = {
        intervals: [],
        abandoned: [],
        doubled: 0,
        different: 0,
        firstDoubled: null,
        ids: new SeenIds(),
        ended: false,
      };
      this.#instances.set(producer.instance, instance);
    }
    const highest = instance.intervals.at(-1)?.last;
    if (highest === undefined || producer.sequence > highest) instance.ended = producer.last;
    else if (producer.sequence === highest) instance.ended ||= producer.last;
    // A number is given up by a later event: what is to come can't be.
    for (const { first, last } of producer.abandoned) {
      const [end] = ascending(last, producer.sequence - 1n);
      if (first <= end) instance.abandoned.push({ first, last: end });
    }
    const isSame = instance.ids.take(producer.sequence, event.id);
    if (insert(instance.intervals, producer.sequence, event)) return;
    instance.doubled++;
    if (!isSame) instance.different++;
    instance.firstDoubled ??= producer.sequence;
  }

  /** Says what the numbers show: gaps, and what is reported only. */
  conclude(context: LedgerContext, notebook: Notebook): void {
    for (const [name, instance] of this.#instances) {
      concludeHoles(name, instance, context, notebook);
      if (instance.firstDoubled !== null) {
        const where = {
          producer: { instance: name, first: instance.firstDoubled, last: instance.firstDoubled },
          events: instance.doubled,
        };
        notebook.report('doubled', where, doubledText(name, instance));
      }
      const highest = instance.intervals.at(-1);
      if (highest && !instance.ended && highest.high.sealedAt < context.headEnd - 2 * context.periodMs) {
        notebook.report(
          'unclosed',
          { producer: { instance: name, first: highest.last, last: highest.last } },
          `${name} ended after number ${highest.last} without saying so: whether more was to come can't be known`,
        );
      }
    }
  }
}

function doubledText(name: string, { doubled, different }: Instance): string {
  const same = `${doubled - different} numbers of ${name} came twice: sent again after an unknown answer`;
  const other = `${different} numbers of ${name} came again with another event: somebody uses its name, or it counts wrongly; readers show both`;
  if (different === 0) return same;
  return different === doubled ? other : `${same}; ${other}`;
}

const pageSize = 1024;
/** Of the newest 4 million numbers of an instance it is known which event they were; of older ones that come again, it is not. */
const maxPages = 4096;

/** A fingerprint (FNV-1a, 32 bits) of the id under each number, by which a double is told from another event. */
class SeenIds {
  readonly #pages = new Map<bigint, Uint32Array>();

  /** Whether the number is new or, as far as is known, the same event's. */
  take(number: bigint, id: string): boolean {
    let page = this.#pages.get(number >> 10n);
    if (!page) {
      page = new Uint32Array(pageSize);
      this.#pages.set(number >> 10n, page);
      const [oldest] = this.#pages.keys();
      if (this.#pages.size > maxPages && oldest !== undefined) this.#pages.delete(oldest);
    }
    const index = Number(BigInt.asUintN(10, number));
    let hash = 0x811c9dc5;
    for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
    const print = hash >>> 0 || 1;
    const known = page[index] ?? 0;
    if (known === 0) page[index] = print;
    return known === 0 || known === print;
  }
}

/** Inserts a number; false where it is there already. */
function insert(intervals: Interval[], number: bigint, event: SeenEvent): boolean {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const interval = intervals[middle];
    if (interval && interval.last < number) low = middle + 1;
    else high = middle;
  }
  const at = intervals[low];
  if (at && at.first <= number) return false;
  const before = intervals[low - 1];
  const joinsBefore = before?.last === number - 1n;
  const joinsAfter = at?.first === number + 1n;
  if (joinsBefore && joinsAfter) {
    before.last = at.last;
    before.high = at.high;
    intervals.splice(low, 1);
  } else if (joinsBefore) {
    before.last = number;
    before.high = event;
  } else if (joinsAfter) {
    at.first = number;
    at.low = event;
  } else {
    intervals.splice(low, 0, { first: number, last: number, low: event, high: event });
  }
  return true;
}

function ascending(a: bigint, b: bigint): [bigint, bigint] {
  return a < b ? [a, b] : [b, a];
}

/** Cuts the abandoned numbers out of a hole: what was given up, and what is left unexplained. */
function cut(hole: Range, abandoned: readonly Range[]): { given: Range[]; left: Range[] } {
  const given: Range[] = [];
  let left: Range[] = [hole];
  for (const range of abandoned) {
    left = left.flatMap(part => {
      const [, first] = ascending(range.first, part.first);
      const [last] = ascending(range.last, part.last);
      if (first > last) return [part];
      given.push({ first, last });
      const rest: Range[] = [];
      if (part.first < first) rest.push({ first: part.first, last: first - 1n });
      if (last < part.last) rest.push({ first: last + 1n, last: part.last });
      return rest;
    });
  }
  return { given, left };
}

function place(event: SeenEvent): string {
  return `event ${event.id} (partition ${event.partition}, raw offset ${event.offset})`;
}

function concludeHoles(name: string, instance: Instance, context: LedgerContext, notebook: Notebook): void {
  const { headEnd, periodMs, expiredUpTo, unreadUpTo, beginsLate } = context;
  let below: Interval | null = null;
  for (const above of instance.intervals) {
    const hole = { first: below ? below.last + 1n : 0n, last: above.first - 1n };
    const lower: Interval | null = below;
    below = above;
    if (hole.first > hole.last) continue;
    const { given, left } = cut(hole, instance.abandoned);
    for (const range of given) {
      const where = whereOf(name, range);
      notebook.report('abandoned', where, `${name} gave up ${numbers(range)} and told its caller so`);
    }
    for (const range of left) {
      const where = whereOf(name, range);
      const sides = lower ? `between ${place(lower.high)} and ${place(above.low)}` : `below ${place(above.low)}`;
      const isBehind = (time: number | null) => time !== null && (lower === null || time > lower.high.sealedAt);
      if (above.low.sealedAt > headEnd - 2 * periodMs) {
        notebook.report('open', where, `${numbers(range)} of ${name}, ${sides}, may still be on the way`);
      } else if (isBehind(expiredUpTo)) {
        notebook.report(
          'expired',
          where,
          `${numbers(range)} of ${name}, ${sides}, may have been in an expired segment`,
        );
      } else if (lower === null && beginsLate) {
        notebook.report('expired', where, `${numbers(range)} of ${name}, ${sides}, may be older than the archive`);
      } else {
        const why = isBehind(unreadUpTo)
          ? 'maybe in a segment that is missing or altered'
          : 'lost before they were sealed';
        notebook.finding('gap', where, `${numbers(range)} of ${name} are missing ${sides}: ${why}`);
      }
    }
  }
}

function whereOf(instance: string, range: Range): Where {
  return { producer: { instance, ...range }, events: Number(range.last - range.first + 1n) };
}

function numbers({ first, last }: Range): string {
  return first === last ? `number ${first}` : `numbers ${first} to ${last}`;
}
