// Two archivers, each of a group of its own and so each owner of all partitions, at the same step: both are held at the write of the same
// key until both have come, and then let go together. Whoever loses goes on from what the other has written.

import { randomUUID } from 'node:crypto';
import { type Archiver, type ArchiveWorld, leastRetention } from './archive-world.ts';
import type { FaultPoint } from './fault-points.ts';
import { forward, type S3Deed, type S3Proxy, type S3Request } from './s3-proxy.ts';

/** All but the probes, whose keys are each archiver's own, and what goes over a planted object only once. */
export const racePoints: readonly FaultPoint[] = [
  'archive',
  'first-checkpoint',
  'segment',
  'manifest',
  'entries',
  'tile',
  'sized-checkpoint',
  'checkpoint',
  'lock-segment',
  'lock-archive',
  'lock-manifest',
];

const patienceMs = 60_000;
/** How long one waits for the other at a key; its request's own time is longer. */
const holdMs = 15_000;

/** Races at the points one after the other in one archive, and leaves both running. Throws where they never met. */
export async function runRaces(
  world: ArchiveWorld,
  points: readonly FaultPoint[],
  say: (line: string) => void,
): Promise<void> {
  const gate = new Gate();
  const racers: Racer[] = [];
  for (const side of [0, 1]) {
    const proxy = await world.proxy();
    proxy.rule = asked => gate.pass(side, asked);
    racers.push({ proxy, archiver: null });
  }
  let hours = 1;
  for (const point of points) {
    const started = Date.now();
    if (point.startsWith('lock-')) {
      hours++;
      await Promise.all(racers.map(({ archiver }) => archiver?.end()));
      for (const racer of racers) racer.archiver = null;
    }
    const met = gate.arm(point);
    for (const racer of racers) racer.archiver ??= startRacer(world, racer.proxy, hours);
    const timer = setTimeout(() => gate.giveUp(new Error(`${point}: the two never met there`)), patienceMs);
    const key = await met.catch(error => {
      throw new Error([error, ...racers.map(({ archiver }) => archiver?.output())].join('\n---\n'));
    });
    clearTimeout(timer);
    say(`race at ${point} (${key}): ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
}

interface Racer {
  readonly proxy: S3Proxy;
  archiver: Archiver | null;
}

function startRacer(world: ArchiveWorld, proxy: S3Proxy, hours: number): Archiver {
  return world.startArchiver(proxy, {
    TIDEMARK_RETENTION: `COMPLIANCE PT${(hours * leastRetention.ms) / 3600_000}H`,
    TIDEMARK_GROUP: `group-${randomUUID()}`,
  });
}

interface Waiting {
  readonly side: number;
  readonly key: string;
  readonly go: PromiseWithResolvers<void>;
}

class Gate {
  #point: FaultPoint | null = null;
  #met = Promise.withResolvers<string>();
  #waiting: Waiting | null = null;
  /** Keys that were let through before: nobody comes there a second time. */
  readonly #written = new Set<string>();

  /** Resolves with the key at which the two have met. */
  arm(point: FaultPoint): Promise<string> {
    this.#met = Promise.withResolvers<string>();
    this.#point = point;
    return this.#met.promise;
  }

  giveUp(error: Error): void {
    this.#met.reject(error);
  }

  async pass(side: number, { point, key }: S3Request): Promise<S3Deed> {
    if (point === null || key === null) return forward;
    const waiting = this.#waiting;
    const isOnce = point !== 'checkpoint' && !point.startsWith('lock-');
    if (point === this.#point && !(isOnce && this.#written.has(key))) {
      if (waiting?.key === key && waiting.side !== side) {
        this.#point = null;
        this.#waiting = null;
        this.#met.resolve(key);
        waiting.go.resolve();
      } else if (!waiting) await this.#wait(side, key);
    }
    this.#written.add(key);
    return forward;
  }

  async #wait(side: number, key: string): Promise<void> {
    const mine = { side, key, go: Promise.withResolvers<void>() };
    this.#waiting = mine;
    const timer = setTimeout(() => mine.go.resolve(), holdMs);
    await mine.go.promise;
    clearTimeout(timer);
    if (this.#waiting === mine) this.#waiting = null;
  }
}
