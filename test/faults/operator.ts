// Does by hand what a program's log asks a person to do, as one who watches it would: a transaction that the broker has lost is ended
// by Kafka's own tool (KIP-664), with the arguments that the line gives.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runTransactionsTool } from './open-transactions.ts';
import type { World } from './world.ts';

const asked = /kafka-transactions\.sh abort --topic (\S+) --partition (\d+) --start-offset (\d+)/g;
const pollMs = 5000;

export class Operator {
  /** What was done, a line each. */
  readonly deeds: string[] = [];
  readonly #world: Pick<World, 'folder' | 'brokers'>;
  readonly #done = new Set<string>();
  readonly #stopped = new AbortController();
  readonly #watching: Promise<void>;

  constructor(world: Pick<World, 'folder' | 'brokers'>) {
    this.#world = world;
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      for (const [order, topic = '', partition = '', offset = ''] of this.#orders()) {
        if (this.#done.has(order)) continue;
        this.#done.add(order);
        await this.#abort(topic, partition, offset);
      }
      await delay(pollMs, undefined, { signal }).catch(() => {});
    }
  }

  *#orders(): Generator<RegExpExecArray> {
    const logs = join(this.#world.folder, 'logs');
    for (const name of readdirSync(logs).filter(one => one.startsWith('normalizer')))
      yield* readFileSync(join(logs, name), 'utf8').matchAll(asked);
  }

  async #abort(topic: string, partition: string, offset: string): Promise<void> {
    const { brokers } = this.#world;
    const place = ['--topic', topic, '--partition', partition];
    const producers = await runTransactionsTool(brokers, 'describe-producers', ...place).catch(String);
    const answer = await runTransactionsTool(brokers, 'abort', ...place, '--start-offset', offset).catch(String);
    this.deeds.push(`${topic} ${partition}: ended the transaction at ${offset} by hand ${answer.trim()}\n${producers}`);
  }
}
