// Runs of one partition that wait for their segment, and the writing of segments beside the taking of further runs, so that neither waits
// for the other: one PUT at a time, in the chain's order, and no more in wait than another segment takes.

import type { SegmentFacts } from '../../core/edge/s3/segment-object.ts';
import { compareSeals } from './chain-place.ts';
import type { ArchiverContext } from './context.ts';
import { type CutRules, dueAt, nextSegment, type PendingRun } from './cut.ts';
import { putSegment } from './segment-writer.ts';

export interface QueueOptions {
  readonly context: ArchiverContext;
  readonly partition: number;
  readonly cut: CutRules;
  /** Digests of segments that verify but do not count; more are added. */
  readonly refuted: Set<string>;
  /** Told of the last run of each segment that is in the bucket now. */
  onWritten(last: PendingRun): Promise<void>;
  /** Told once of what a write failed with, which each later call throws too. */
  onFailure(error: unknown): void;
}

type Wanted = (next: { count: number; full: boolean }) => boolean;

export class SegmentQueue {
  readonly #options: QueueOptions;
  #pending: PendingRun[] = [];
  #bytes = 0;
  /** A segment at the next key that begins with all that is pending. */
  #ahead: SegmentFacts | null = null;
  #writing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** The run that has waited longest; undefined: none waits. */
  get first(): TopicRunInWait | undefined {
    return this.#pending[0]?.run;
  }

  /** Bytes of events that wait, those that are being written among them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When something has to be written at the latest, ms; null: nothing waits, or only for the topic. */
  get due(): number | null {
    return this.#ahead ? null : dueAt(this.#pending, this.#options.cut);
  }

  /** Takes the chain's next run. What is full is written beside; where as much again waits already, waits for that. */
  async push(run: PendingRun): Promise<void> {
    this.#pending.push({ ...run, run: packed(run.run) });
    this.#bytes += run.run.bytes;
    if (!this.#writing) await this.#settleAhead();
    if (!this.#writing && !this.#ahead && nextSegment(this.#pending, this.#options.cut).full)
      this.#start(({ full }) => full);
    if (this.#bytes > 2 * this.#options.cut.maxBytes) await this.settled();
  }

  /** Writes segments of what is pending, as long as the next one is wanted. */
  async flush(wanted: Wanted): Promise<void> {
    while (this.#writing) await this.#writing;
    this.#start(wanted);
    await this.settled();
  }

  /** Resolves when nothing is being written; throws what a write has failed with. */
  async settled(): Promise<void> {
    while (this.#writing) await this.#writing;
    if (this.#failure) throw this.#failure.error;
  }

  #start(wanted: Wanted): void {
    if (!this.#failure) this.#writing = this.#write(wanted);
  }

  async #write(wanted: Wanted): Promise<void> {
    const { context, refuted, onFailure } = this.#options;
    await null; // so that `#writing` is set before it is cleared
    try {
      while (!this.#ahead) {
        const next = nextSegment(this.#pending, this.#options.cut);
        if (next.count === 0 || !wanted(next)) break;
        const put = await putSegment(context, this.#pending, next.count, refuted);
        if (put.kind !== 'ahead') await this.#advance(put.runs);
        else {
          this.#ahead = put.facts;
          await this.#settleAhead(); // more may have come meanwhile
        }
      }
    } catch (error) {
      this.#failure = { error };
      onFailure(error);
    } finally {
      this.#writing = null;
    }
  }

  /** Whether the segment that reaches further than what was pending counts, as far as can be said by now. */
  async #settleAhead(): Promise<void> {
    const { context, partition, refuted } = this.#options;
    const ahead = this.#ahead;
    if (!ahead) return;
    const comparison = compareSeals(
      ahead.seals,
      this.#pending.map(({ run }) => run.sealed),
    );
    if (comparison === 'beyond') return;
    this.#ahead = null;
    if (comparison === 'within') {
      context.events.segmentAdopted(partition, ahead.key);
      await this.#advance(ahead.seals.length);
      return;
    }
    refuted.add(ahead.sha256);
    context.events.alarm('uncommitted', ahead.key, 'it is of runs that the topic has not committed');
  }

  async #advance(runs: number): Promise<void> {
    const gone = this.#pending.splice(0, runs);
    for (const { run } of gone) this.#bytes -= run.bytes;
    const last = gone.at(-1);
    if (last) await this.#options.onWritten(last);
  }
}

type TopicRunInWait = PendingRun['run'];

/** A run in one piece of memory: its datums would each keep what was fetched with them, and thousands of small objects. */
function packed(run: TopicRunInWait): TopicRunInWait {
  const data = new Uint8Array(run.bytes);
  const ends: number[] = [];
  let at = 0;
  for (const datum of run.datums) {
    data.set(datum, at);
    at += datum.length;
    ends.push(at);
  }
  // Copies, not views: one of a few bytes would keep the whole fetch, or a page of Node's pool.
  const sealed = { ...run.sealed, hash: Uint8Array.from(run.sealed.hash) };
  const sealNote = Uint8Array.from(run.sealNote);
  return { ...run, sealed, sealNote, datums: { [Symbol.iterator]: () => slices(data, ends) } };
}

function* slices(data: Uint8Array, ends: readonly number[]): Generator<Uint8Array> {
  let start = 0;
  for (const end of ends) {
    yield data.subarray(start, end);
    start = end;
  }
}
