// What a fault is, and how faults are injected: at random, by a seed, several at once. What they do is their own; whether the pipeline
// bore it is the checker's to say.

import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from './random.ts';

/** Something that goes wrong for a while. */
export interface Fault {
  /** Kebab case; the report counts by it, and `--only` chooses by it. */
  readonly name: string;
  /**
   * What it breaks, such as `kafka`, `registry`, `s3`, `normalizer`: faults that share one of these are never injected
   * at once. `everything`: it is alone.
   */
  readonly touches: readonly string[];
  /** From when the time to recover counts: once `inject` has resolved, unless said otherwise; `start` where nothing heals, as with a kill. */
  readonly recoversFrom?: 'start' | 'heal';
  /**
   * Breaks something, and resolves once it is whole again. Heals at once when the signal aborts. Rejects only where the fault itself
   * could not be injected or healed: then the run is worth nothing.
   */
  inject(random: Random, signal: AbortSignal): Promise<void>;
}

/** A fault as it was injected; times in milliseconds since 1970. */
export interface Injection {
  readonly name: string;
  readonly startedAt: number;
  readonly healedAt: number;
  /** Until all that had come by then was through; null: it was not, for as long as that was waited for. */
  readonly recovery: { readonly sealedMs: number; readonly archivedMs: number } | null;
}

export interface Schedule {
  readonly faults: readonly Fault[];
  readonly random: Random;
  /** How many at once, at the most. */
  readonly atOnce: number;
  /** Least and longest time between the end of a fault and the next one of its lane. */
  readonly pauseMs: readonly [least: number, most: number];
  /** Ends the run: faults heal, and no more are injected. */
  readonly signal: AbortSignal;
  /** Resolves once all that is there by now is through; null where that was waited for in vain. */
  recovered(): Promise<{ readonly sealedAt: number; readonly archivedAt: number } | null>;
  onInject?(name: string): void;
}

/** Injects faults until the signal aborts; answers all of them, by the time of their start. Rejects where a fault could not be injected. */
export async function injectFaults(schedule: Schedule): Promise<Injection[]> {
  const { faults, random, atOnce, pauseMs } = schedule;
  const failure = new AbortController();
  const signal = AbortSignal.any([schedule.signal, failure.signal]);
  const injections: Promise<Injection>[] = [];
  const places = new Places();
  const lane = async (chance: Random): Promise<void> => {
    while (!signal.aborted) {
      const fault = chance.pick(faults);
      const own = chance.fork();
      const wait = chance.between(...pauseMs);
      if (!(await places.take(fault, signal))) return;
      try {
        const startedAt = Date.now();
        schedule.onInject?.(fault.name);
        await fault.inject(own, signal);
        injections.push(afterwards(schedule, fault, startedAt, Date.now()));
      } catch (error) {
        failure.abort();
        throw new Error(`the fault ${fault.name} could not be injected`, { cause: error });
      } finally {
        places.leave(fault);
      }
      await delay(wait, undefined, { signal }).catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: atOnce }, () => lane(random.fork())));
  return (await Promise.all(injections)).toSorted((a, b) => a.startedAt - b.startedAt);
}

async function afterwards(schedule: Schedule, fault: Fault, startedAt: number, healedAt: number): Promise<Injection> {
  const since = fault.recoversFrom === 'start' ? startedAt : healedAt;
  const recovered = await schedule.recovered();
  const recovery = recovered && { sealedMs: recovered.sealedAt - since, archivedMs: recovered.archivedAt - since };
  return { name: fault.name, startedAt, healedAt, recovery };
}

const everything = 'everything';

/** Who breaks what. First come, first served: a fault that touches everything is not put off for ever by small ones. */
class Places {
  readonly #held: Fault[] = [];
  #waiting: { readonly fault: Fault; begin(taken: boolean): void }[] = [];

  /** Resolves when the fault may begin; false where the signal came first. */
  take(fault: Fault, signal: AbortSignal): Promise<boolean> {
    return new Promise(resolve => {
      const begin = (taken: boolean): void => {
        signal.removeEventListener('abort', give);
        resolve(taken);
      };
      const waiter = { fault, begin };
      const give = (): void => {
        this.#waiting = this.#waiting.filter(one => one !== waiter);
        begin(false);
      };
      signal.addEventListener('abort', give);
      this.#waiting.push(waiter);
      this.#admit();
    });
  }

  leave(fault: Fault): void {
    this.#held.splice(this.#held.indexOf(fault), 1);
    this.#admit();
  }

  #admit(): void {
    const before = [...this.#held];
    for (const waiter of [...this.#waiting]) {
      if (!before.some(other => clash(other, waiter.fault))) {
        this.#waiting = this.#waiting.filter(one => one !== waiter);
        this.#held.push(waiter.fault);
        waiter.begin(true);
      }
      before.push(waiter.fault);
    }
  }
}

function clash({ touches: one }: Fault, { touches: other }: Fault): boolean {
  return one.includes(everything) || other.includes(everything) || one.some(thing => other.includes(thing));
}
