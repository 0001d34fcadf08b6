// The services of a run: those that live through it, one that is killed and comes again under another name, and those of another version.

import { join } from 'node:path';
import { Supervised } from './supervised.ts';
import type { World } from './world.ts';

export interface Load {
  /** Services that live through the run. */
  readonly steady: number;
  /** Events a second of each. */
  readonly rate: number;
}

export class Services {
  readonly #world: World;
  readonly #load: Load;
  readonly #running = new Set<Supervised>();
  #mortal: Supervised | undefined;
  #started = 0;
  /** How those ended that were not to end. */
  readonly ends: string[] = [];

  constructor(world: World, load: Load) {
    this.#world = world;
    this.#load = load;
  }

  async start(): Promise<void> {
    const { steady, rate } = this.#load;
    for (let n = 0; n < steady; n++) {
      // One that gives up soon: its numbers are then abandoned.
      const patience = n === 0 ? '8000' : '60000';
      await this.#begin('steady', { FAULTS_RATE: `${rate}`, FAULTS_KEYS: '40', FAULTS_DELIVERY_MS: patience });
    }
    await this.#beginMortal();
  }

  /** Kills the service that is there to be killed; another comes in its place. */
  async killMortal(): Promise<void> {
    const mortal = this.#mortal;
    if (!mortal) return;
    this.#running.delete(mortal);
    await mortal.stop('SIGKILL');
    await this.#beginMortal();
  }

  /** Runs a service of another version until it is told to end. */
  async beginWriter(schema: 'wider' | 'narrower'): Promise<{ end(): Promise<void> }> {
    const env = { FAULTS_SCHEMA: schema, FAULTS_RATE: '50', FAULTS_KEYS: '5' };
    const writer = await this.#begin(schema, env, 'writer.ts');
    return { end: () => this.#end(writer) };
  }

  /** All close, and say so. */
  async stop(): Promise<void> {
    this.#mortal = undefined;
    await Promise.all([...this.#running].map(service => this.#end(service)));
  }

  async kill(): Promise<void> {
    await Promise.all([...this.#running].map(service => service.stop('SIGKILL')));
  }

  /**
   * It has one key, so one partition: what it had in hand when it is killed is then at the end of its numbers, which the archive tells as
   * *open* or *unclosed*. With more of them it may leave a hole among them, which is a finding, and a true one.
   */
  async #beginMortal(): Promise<void> {
    this.#mortal = await this.#begin('mortal', { FAULTS_RATE: '40', FAULTS_KEYS: '1' });
  }

  async #begin(kind: string, env: Readonly<Record<string, string>>, program = 'producer.ts'): Promise<Supervised> {
    const name = `${kind}-${++this.#started}`;
    const { folder } = this.#world;
    const service = new Supervised({
      name,
      args: [new URL(program, import.meta.url).pathname],
      env: { ...this.#world.env, FAULTS_PRODUCER: name, FAULTS_LEDGER: join(folder, 'ledgers', name), ...env },
      logFile: join(folder, 'logs', `${name}.log`),
      again: false,
    });
    this.#running.add(service);
    await service.start();
    return service;
  }

  async #end(service: Supervised): Promise<void> {
    this.#running.delete(service);
    await service.stop('SIGTERM', 150_000);
    this.ends.push(...service.ends);
  }
}
