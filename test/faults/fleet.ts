// The instances of one program, as many as are wanted at the time.

import { join } from 'node:path';
import { Supervised } from './supervised.ts';
import type { World } from './world.ts';

export type Role = 'normalizer' | 'archiver';

export interface FleetOptions {
  readonly world: World;
  readonly role: Role;
  /** Files that each process preloads. */
  readonly preload?: readonly string[];
}

const clockShift = new URL('clock-shift.ts', import.meta.url).pathname;

export class Fleet {
  readonly role: Role;
  readonly #options: FleetOptions;
  readonly #running: Supervised[] = [];
  readonly #ends: string[] = [];
  #env: Readonly<Record<string, string>> = {};
  #started = 0;

  constructor(options: FleetOptions) {
    this.role = options.role;
    this.#options = options;
  }

  get members(): readonly Supervised[] {
    return this.#running;
  }

  /** How lives ended that nobody ended from outside. */
  get ends(): readonly string[] {
    return [...this.#ends, ...this.#running.flatMap(({ ends }) => ends)];
  }

  /** Further settings of all that are started from now on. */
  configure(env: Readonly<Record<string, string>>): void {
    this.#env = { ...this.#env, ...env };
  }

  /** One more; its clock is wrong by so much. */
  async join(clockMs = 0): Promise<Supervised> {
    const { world, role, preload = [] } = this.#options;
    const name = `${role}-${++this.#started}`;
    const main = new URL(`../../consumers/${role}/main.ts`, import.meta.url).pathname;
    const imports = [...preload, ...(clockMs === 0 ? [] : [clockShift])];
    const member = new Supervised({
      name,
      args: [...imports.flatMap(file => ['--import', file]), main],
      env: { ...world[role], ...this.#env, FAULTS_CLOCK_MS: `${clockMs}` },
      logFile: join(world.folder, 'logs', `${name}.log`),
    });
    this.#running.push(member);
    await member.start();
    return member;
  }

  async leave(member: Supervised, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const at = this.#running.indexOf(member);
    if (at < 0) return;
    this.#running.splice(at, 1);
    await member.stop(signal);
    this.#ends.push(...member.ends);
  }

  /** As many as that: new ones join, the oldest leave. */
  async scale(count: number): Promise<void> {
    while (this.#running.length < count) await this.join();
    await Promise.all(this.#running.slice(0, this.#running.length - count).map(member => this.leave(member)));
  }
}
