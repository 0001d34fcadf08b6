// The persist matrix on real processes: at each external write of archiver and sealer in turn the archiver is killed, or its connection
// cut, before the write, behind it, and behind it without its answer; or it hangs there. The next archiver goes on from what is there.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Archiver, type ArchiveWorld, leastRetention } from './archive-world.ts';
import type { FaultPoint } from './fault-points.ts';
import { forward, type S3Deed, type S3Proxy, type S3Request } from './s3-proxy.ts';

export const modes = [
  /** SIGKILL, and the server never sees the write. */
  'before',
  /** SIGKILL as soon as the answer is given. */
  'after',
  /** The server does the write; SIGKILL instead of its answer. */
  'unheard',
  /** The connection is cut instead of the write: the program itself has to cope. */
  'cut',
  /** The server does the write; the connection is cut instead of its answer. */
  'lost',
  /** SIGSTOP, with the write on its way, until another archiver has done the like; then the write comes, and the program wakes. */
  'hung',
] as const;

export type Mode = (typeof modes)[number];

export interface Case {
  readonly point: FaultPoint;
  readonly mode: Mode;
}

export interface MatrixOptions {
  /**
   * Each archiver in a group of its own, so that none waits for the session of a killed one to end. Nothing hangs on it, since no
   * committed offset decides anything; without, all are of one group as in production.
   */
  readonly freshGroups: boolean;
  say(line: string): void;
}

const patienceMs = 240_000;

/** Runs the cases one after the other in one archive, and leaves an archiver running that nothing troubles. Throws where a write never came. */
export async function runMatrix(world: ArchiveWorld, cases: readonly Case[], options: MatrixOptions): Promise<void> {
  const run = new MatrixRun(world, await world.proxy(), options);
  for (const one of cases) await run.try(one);
  run.goOn();
}

class MatrixRun {
  readonly #world: ArchiveWorld;
  readonly #proxy: S3Proxy;
  readonly #options: MatrixOptions;
  #archiver: Archiver | null = null;
  /** Woke behind a write that it was stopped at, with another in its place. */
  #woken: Archiver | null = null;
  /** Hours that archivers are told to lock for: each rise makes them extend what is there. */
  #hours = 1;

  constructor(world: ArchiveWorld, proxy: S3Proxy, options: MatrixOptions) {
    this.#world = world;
    this.#proxy = proxy;
    this.#options = options;
  }

  async try({ point, mode }: Case): Promise<void> {
    const started = Date.now();
    if (point.startsWith('lock-')) await this.#raiseRetention();
    // At its start alone, or behind a start.
    if (this.#archiver && (point.startsWith('probe') || point === 'archive')) await this.#kill();
    const struck = this.#arm({ point, mode });
    this.goOn();
    const archiver = this.#archiver;
    const timer = setTimeout(() => struck.reject(new Error(`${point} ${mode}: no such write`)), patienceMs);
    archiver?.exited.then(() => struck.reject(new Error(`${point} ${mode}: the archiver ended by itself`)));
    try {
      await struck.promise;
    } catch (error) {
      throw new Error(`${String(error)}\n${archiver?.output()}`);
    } finally {
      clearTimeout(timer);
      this.#proxy.rule = () => forward;
    }
    if (mode === 'hung') await this.#buryWoken();
    else if (mode !== 'cut' && mode !== 'lost') {
      await archiver?.exited;
      this.#archiver = null;
    }
    this.#options.say(`${point} ${mode}: ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }

  goOn(): void {
    const { freshGroups } = this.#options;
    this.#archiver ??= this.#world.startArchiver(this.#proxy, {
      TIDEMARK_RETENTION: `COMPLIANCE PT${this.#hours}H`,
      ...(freshGroups && { TIDEMARK_GROUP: `group-${randomUUID()}` }),
    });
  }

  #kill(): Promise<void> | undefined {
    const archiver = this.#archiver;
    this.#archiver = null;
    return archiver?.end();
  }

  /** With segments that no batch lists yet, locked as long as was promised before. */
  async #raiseRetention(): Promise<void> {
    const written = Promise.withResolvers<void>();
    const afterwards = (status: number) => status === 200 && written.resolve();
    this.#proxy.rule = ({ point }) => (point === 'segment' ? { kind: 'forward', afterwards } : forward);
    this.goOn();
    await written.promise;
    await this.#kill();
    this.#hours++;
  }

  /** Once it has shown what it makes of the answer. */
  async #buryWoken(): Promise<void> {
    const woken = this.#woken;
    this.#woken = null;
    if (woken === null) return;
    const before = woken.output();
    const hasEnded = woken.exited.then(() => true);
    const deadline = Date.now() + patienceMs;
    while (woken.output() === before && !(await Promise.race([hasEnded, delay(100, false)])))
      if (Date.now() > deadline) throw new Error(`a woken archiver says nothing any more:\n${before}`);
    await woken.end();
  }

  /** Strikes the first write of the point; resolves when it has struck and, where the program lives on, has heard of it. */
  #arm({ point, mode }: Case): PromiseWithResolvers<void> {
    const struck = Promise.withResolvers<void>();
    let isStruck = false;
    const again = Promise.withResolvers<void>();
    let isPlanted = point !== 'over-planted';
    this.#proxy.rule = async asked => {
      if (asked.point === 'segment' && !isPlanted) {
        isPlanted = true;
        await this.#plant(asked);
      }
      if (asked.point !== point) return forward;
      if (isStruck) return { kind: 'forward', afterwards: () => again.resolve() };
      isStruck = true;
      return mode === 'hung' ? this.#hang(again.promise, struck) : this.#strike(mode, struck);
    };
    return struck;
  }

  /** `again`: another archiver has done a write of the point. */
  async #hang(again: Promise<void>, struck: PromiseWithResolvers<void>): Promise<S3Deed> {
    const stopped = this.#archiver;
    this.#archiver = null;
    this.#woken = stopped;
    if (stopped) process.kill(stopped.pid, 'SIGSTOP');
    this.goOn();
    await again;
    if (stopped) process.kill(stopped.pid, 'SIGCONT');
    struck.resolve();
    return forward;
  }

  async #strike(mode: Exclude<Mode, 'hung'>, struck: PromiseWithResolvers<void>): Promise<S3Deed> {
    const kill = async () => {
      // Struck first: the end that follows is ours.
      struck.resolve();
      await this.#archiver?.end();
    };
    switch (mode) {
      case 'before':
        await kill();
        return { kind: 'cut' };
      case 'after':
        return { kind: 'forward', afterwards: kill };
      case 'unheard':
        return { kind: 'lose', afterwards: kill };
      case 'cut':
        struck.resolve();
        return { kind: 'cut' };
      case 'lost':
        return { kind: 'lose', afterwards: () => struck.resolve() };
    }
  }

  /** Somebody puts something else at the segment's key just before; unlocked, as it has none of our promises. */
  async #plant({ key }: S3Request): Promise<void> {
    if (key === null) return;
    this.#world.planted.add(key);
    await this.#world.bucket.create(key, Buffer.from('planted\n'), Date.now() + leastRetention.ms);
  }
}

/** Those of an archive's beginning first, then what each period brings, then what each longer promise brings. */
export const matrixPoints: readonly FaultPoint[] = [
  'probe',
  'probe-shorten',
  'probe-delete',
  'archive',
  'first-checkpoint',
  'segment',
  'over-planted',
  'manifest',
  'entries',
  'tile',
  'sized-checkpoint',
  'checkpoint',
  'lock-segment',
  'lock-archive',
  'lock-manifest',
];
