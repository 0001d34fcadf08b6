// Producers' numbers (archive format, section 1): each instance numbers its events from 0 without holes over all partitions, so
// a hole among the numbers found is an event that was lost before it was sealed. Kept as intervals, so that memory follows the
// number of holes and not that of events.

import type { Notebook, Where } from './finding.ts';
import { type Known, NumberPrints } from './number-prints.ts';
import type { SegmentNumbers } from './producer-numbers.ts';
import type { Seal } from './seal.ts';

/** An event at the edge of an interval, by which a hole is located. */
interface SeenEvent {
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

/** One instance, as far as it was seen. */
class Instance {
  /** In order, neither touching nor overlapping. */
  #intervals: Interval[] = [];
  /** Taken since, in any order: a partition after the other is read, so numbers come with holes that soon close. */
  #fresh: Interval[] = [];
  readonly abandoned: Range[] = [];
  doubled = 0;
  /** Of those, how many with another event. */
  different = 0;
  firstDoubled: bigint | null = null;
  #highest: bigint | null = null;
  /** Whether the event with the highest number says that the instance ends. */
  ended = false;

  take(interval: Interval): void {
    this.#fresh.push(interval);
    if (this.#fresh.length > 256 + this.#intervals.length) this.intervals();
  }

  end(highest: bigint, ended: boolean): void {
    if (this.#highest === null || highest > this.#highest) [this.#highest, this.ended] = [highest, ended];
    else if (highest === this.#highest) this.ended ||= ended;
  }

  double(number: bigint, count: number, isSame: boolean): void {
    this.doubled += count;
    if (!isSame) this.different += count;
    this.firstDoubled ??= number;
  }

  giveUp(range: Range): void {
    // What was given up before is said once; repeated in each event it would only fill the memory.
    if (!this.abandoned.some(({ first, last }) => first <= range.first && range.last <= last))
      this.abandoned.push(range);
  }

  intervals(): readonly Interval[] {
    if (this.#fresh.length === 0) return this.#intervals;
    const all = [...this.#intervals, ...this.#fresh].sort((a, b) =>
      a.first < b.first ? -1 : a.first > b.first ? 1 : 0,
    );
    const merged: Interval[] = [];
    for (const next of all) {
      const before = merged[merged.length - 1];
      if (!before || next.first > before.last + 1n) {
        merged.push(next);
        continue;
      }
      // Numbers of both: they came again so late that it is no longer known which event they were.
      const [end] = ascending(before.last, next.last);
      if (next.first <= end) this.double(next.first, Number(end - next.first + 1n), true);
      if (next.last > before.last) [before.last, before.high] = [next.last, next.high];
    }
    this.#intervals = merged;
    this.#fresh = [];
    return merged;
  }
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

/** Spans that may wait to be joined, of all instances together: of one that has ended nothing comes that would join them. */
const maxWaiting = 65_536;

export class ProducerLedger {
  readonly #instances = new Map<string, Instance>();
  readonly #prints = new NumberPrints();
  /** Instances with spans that were taken since all were joined, and how many spans. */
  readonly #waiting = new Set<Instance>();
  #spans = 0;

  /** Adds a segment's numbers; segments in the order of the archive. `seals`: those of its runs. */
  take(numbers: SegmentNumbers, seals: readonly Seal[]): void {
    const { instances, spans, ended, firsts, counts, prints, ids, offsets, runs, abandoned } = numbers;
    const seen = (edge: number): SeenEvent => {
      const seal = seals[runs[edge] ?? 0];
      return {
        id: ids[edge] ?? '',
        partition: seal?.partition ?? 0,
        offset: offsets[edge] ?? 0n,
        sealedAt: seal?.sealedAt ?? 0,
      };
    };
    let [span, print, edge] = [0, 0, 0];
    for (const [column, name] of instances.entries()) {
      let instance = this.#instances.get(name);
      if (!instance) {
        instance = new Instance();
        this.#instances.set(name, instance);
      }
      this.#waiting.add(instance);
      let last = 0n;
      for (const end = span + (spans[column] ?? 0); span < end; span++) {
        const first = firsts[span] ?? 0n;
        const count = counts[span] ?? 0;
        const low = seen(edge);
        const high = count > 1 ? seen(edge + 1) : low;
        edge += count > 1 ? 2 : 1;
        last = first + BigInt(count - 1);
        const known = this.#prints.take(name, first, prints, print, count);
        print += count;
        if (!known) instance.take({ first, last, low, high });
        else takeNew(instance, { first, last, low, high }, known);
      }
      instance.end(last, ended[column] === 1);
    }
    this.#spans += firsts.length;
    if (this.#spans > maxWaiting) {
      for (const instance of this.#waiting) instance.intervals();
      this.#waiting.clear();
      this.#spans = 0;
    }
    for (const { column, first, last } of abandoned)
      this.#instances.get(instances[column] ?? '')?.giveUp({ first, last });
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
      const highest = instance.intervals().at(-1);
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

/** Of a span some numbers came before: takes the others, and counts those. */
function takeNew(instance: Instance, { first, low, high }: Interval, known: readonly Known[]): void {
  for (const [index, state] of known.entries()) {
    const number = first + BigInt(index);
    // Those within join their neighbours, of which one is known: only the span's own ends can be an edge.
    const event = index === 0 ? low : high;
    if (state === 'new') instance.take({ first: number, last: number, low: event, high: event });
    else instance.double(number, 1, state === 'same');
  }
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
  for (const above of instance.intervals()) {
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
