// The sealer's rounds: waits for a period to end by the bucket's clock, for the partitions to be through, and seals; catches up at once
// with what was left while no archiver ran. Looks after locks between.

import { setTimeout } from 'node:timers/promises';
import { BucketError } from '../../core/edge/s3/error.ts';
import type { Manifest } from '../../core/proof/batch.ts';
import { type ArchiverContext, longestRetentionMs } from './context.ts';
import { LockKeeper, lockIntervalMs } from './lock-keeper.ts';
import type { Sealer } from './sealer.ts';
import { maySeal } from './sealing-time.ts';

export interface SealerEdge {
  /** The time before which all partitions' segments are in the bucket, ms; null: not known of all. */
  through(): Promise<number | null>;
  /** Whether this archiver owns partition 0. */
  isFirst(): boolean;
  /** Told each time that the log has grown, whoever sealed. */
  grown(last: Manifest): void;
  onFatal(error: Error): void;
}

const maxPauseMs = 30_000;

export class SealerLoop {
  readonly #context: ArchiverContext;
  readonly #sealer: Sealer;
  readonly #edge: SealerEdge;
  readonly #keeper: LockKeeper;
  #running: Promise<void> | null = null;
  readonly #stop = new AbortController();
  #through: { readonly end: number; readonly since: number } | null = null;
  #nextPass = 0;

  constructor(context: ArchiverContext, sealer: Sealer, edge: SealerEdge) {
    this.#context = context;
    this.#sealer = sealer;
    this.#edge = edge;
    this.#keeper = new LockKeeper(context);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when the round under way has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      let pause = this.#shortPause;
      try {
        pause = await this.#round();
      } catch (error) {
        if (error instanceof BucketError && error.disposition === 'fatal') {
          this.#edge.onFatal(error);
          return;
        }
        this.#context.events.sealerFailed(error);
      }
      await setTimeout(pause, undefined, { signal }).catch(() => {}); // ended early by stop
    }
  }

  get #shortPause(): number {
    return Math.min(5000, Math.max(100, this.#context.reader.duration.ms / 20));
  }

  /** Does what is to be done now; answers how long to wait before the next round, ms. */
  async #round(): Promise<number> {
    const { bucket } = this.#context;
    let now = await bucket.serverTime();
    const { size } = this.#sealer;
    if (now >= this.#sealer.nextEnd) await this.#sealer.refresh();
    while (!this.#stop.signal.aborted && now >= this.#sealer.nextEnd && (await this.#isTime(now))) {
      await this.#sealer.sealNext();
      now = await bucket.serverTime();
    }
    const last = this.#sealer.lastManifest;
    if (last && this.#sealer.size > size) this.#edge.grown(last);
    if (this.#edge.isFirst() && now >= this.#nextPass && !this.#stop.signal.aborted) {
      this.#context.events.locksExtended(await this.#keeper.pass());
      this.#nextPass = now + lockIntervalMs(longestRetentionMs(this.#context));
    }
    return Math.min(maxPauseMs, Math.max(this.#shortPause, this.#sealer.nextEnd - now));
  }

  async #isTime(now: number): Promise<boolean> {
    const { duration } = this.#context.reader;
    const end = this.#sealer.nextEnd;
    const isFirst = this.#edge.isFirst();
    if (maySeal(duration, { end, now, throughSince: null, isFirst })) return true;
    if (this.#through?.end !== end) {
      const through = await this.#edge.through();
      if (through === null || through < end) return false;
      this.#through = { end, since: now };
    }
    return maySeal(duration, { end, now, throughSince: this.#through.since, isFirst });
  }
}
