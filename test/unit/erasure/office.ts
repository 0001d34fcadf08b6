// An office in memory: persons with keys, a bucket of orders that anybody may tamper with, a clock, and all steps that were recorded.

import { createSecretKey } from 'node:crypto';
import {
  ErasureDesk,
  type HoldQuery,
  type OrderBucket,
  OrderStore,
  type Step,
} from '../../../core/edge/erasure/index.ts';
import { keyIdOf } from '../../../core/envelope/index.ts';
import type { DatedKey } from '../../../core/proof/keys.ts';
import type { Signer } from '../../../core/proof/note.ts';
import { testSigner } from '../../test-keys.ts';

export const day = 24 * 3600_000;
export const origin = 'audit.example.com/test';
export const ada: Signer = testSigner('u-ada');
export const ben: Signer = testSigner('u-ben');
export const cleo: Signer = testSigner('u-cleo');
export const mallory: Signer = testSigner('u-mallory');

export const undated = (key: Signer['key']): DatedKey => ({ key, first: null, last: null });

export class MemoryOrders implements OrderBucket {
  readonly files = new Map<string, { bytes: Uint8Array; storedAt: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async read(name: string): Promise<{ bytes: Uint8Array; etag: string } | null> {
    const file = this.files.get(name);
    return file ? { bytes: file.bytes, etag: 'e' } : null;
  }

  async write(name: string, bytes: Uint8Array, etag: string | null): Promise<boolean> {
    if (etag !== null) throw new Error('orders are never replaced');
    if (this.files.has(name)) return false;
    this.files.set(name, { bytes, storedAt: this.#now() });
    return true;
  }

  async *names(): AsyncIterable<string> {
    yield* [...this.files.keys()];
  }

  async storedAt(name: string): Promise<number> {
    return this.files.get(name)?.storedAt ?? this.#now();
  }

  /** What an attacker does: puts anything anywhere. */
  plant(name: string, bytes: Uint8Array | string): void {
    this.files.set(name, { bytes: Buffer.from(bytes), storedAt: this.#now() });
  }

  text(name: string): string {
    return Buffer.from(this.files.get(name)?.bytes ?? []).toString('utf8');
  }
}

export interface Office {
  readonly desk: ErasureDesk;
  readonly orders: MemoryOrders;
  readonly steps: Step[];
  readonly erased: string[];
  readonly clock: { now: number };
  /** Set: recording fails. */
  readonly recorder: { isDown: boolean };
  /** Key ids that a hold's query finds; an error where it can't be told. */
  readonly found: { keyIds: string[] | Error };
  idOf(person: string): string;
}

export function office(approvers: readonly DatedKey[] = [ada, ben, cleo].map(({ key }) => undated(key))): Office {
  const lookup = createSecretKey(Buffer.alloc(32, 7));
  const clock = { now: Date.parse('2026-01-05T10:00:00Z') };
  const orders = new MemoryOrders(() => clock.now);
  const steps: Step[] = [];
  const erased: string[] = [];
  const recorder = { isDown: false };
  const found: Office['found'] = { keyIds: [] };
  const desk = new ErasureDesk({
    orders: new OrderStore(orders),
    rules: { origin, approvers, delayMs: 7 * day },
    keys: {
      idOf: owner => keyIdOf(lookup, owner),
      store: {
        find: async keyId => ({ key: erased.includes(keyId) ? 'erased' : {} }),
        erase: async keyId => {
          const already = erased.includes(keyId);
          erased.push(keyId);
          return { already, versions: already ? 0 : 2 };
        },
      },
    },
    record: async step => {
      if (recorder.isDown) throw new Error('no broker');
      steps.push(step);
    },
    isHeldByQuery: async (_: HoldQuery, keyId) => {
      if (found.keyIds instanceof Error) throw found.keyIds;
      return found.keyIds.includes(keyId);
    },
    now: () => clock.now,
  });
  return { desk, orders, steps, erased, clock, recorder, found, idOf: id => keyIdOf(lookup, { kind: 'person', id }) };
}
