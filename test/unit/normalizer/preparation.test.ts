// Records on their way to the run: each once and in order, at once where nothing has to be waited for, and never without its keys.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Parts, Prepared } from '../../../consumers/normalizer/pipeline.ts';
import { Preparation } from '../../../consumers/normalizer/preparation.ts';
import type { WriterSchemas } from '../../../consumers/normalizer/writer-schema.ts';
import type { FetchedRecord } from '../../../core/edge/kafka/index.ts';
import { type KeyRing, memoryKeyRing, ownerName } from '../../../core/envelope/index.ts';
import { encode, makeEvent, place, rawRecord, SCHEMA_ID, writer } from './records.ts';

/** A ring that counts what it was asked for, and holds no key before. */
function countingRing() {
  const made = memoryKeyRing({ strict: true });
  const asked: string[][] = [];
  const held = new Set<string>();
  const ring: KeyRing = {
    prepare: async (owners, signal) => {
      asked.push(owners.map(ownerName));
      await new Promise(resolve => setImmediate(resolve));
      await made.prepare(owners, signal);
      for (const owner of owners) held.add(ownerName(owner));
    },
    holds: owners => owners.every(owner => held.has(ownerName(owner))),
    keyOf: made.keyOf,
  };
  return { ring, asked };
}

const known: WriterSchemas = { known: () => writer, find: async () => writer, prepare: async () => {} };

const recordOf = (person: string, at: number): FetchedRecord => {
  const target = { type: 'person', id: person, name: 'Ada', person: true, changes: [] };
  return rawRecord(encode(makeEvent({ targets: [target] })), { offset: BigInt(at) });
};

const batchOf = (records: FetchedRecord[]) => {
  const next = BigInt(records.length);
  return { ...place, first: 0n, next, records, groups: [], skipped: 0n, lost: 0n, highWatermark: next, logStart: 0n };
};

function preparationOf(records: FetchedRecord[], ring: Parts['ring'], writers = known): Preparation {
  const parts: Parts = { policy: null, services: null, actions: null, enrichers: null, ring };
  return new Preparation({ parts, writers }, place, batchOf(records), AbortSignal.timeout(10_000));
}

/** Takes all, so many at a time; `onTake` sees each. */
async function takeAll(preparation: Preparation, most: number, onTake: (one: Prepared) => void): Promise<number> {
  let waits = 0;
  while (!preparation.isDone) {
    await preparation.ready();
    waits++;
    for (let n = 0; n < most; n++) {
      const one = preparation.take();
      if (one === null) break;
      onTake(one);
    }
  }
  return waits;
}

test('each record comes once and in order, with its keys at hand, however many people are news', async () => {
  const people = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 900 });
  await fc.assert(
    fc.asyncProperty(people, fc.integer({ min: 1, max: 200 }), async (ids, most) => {
      const { ring, asked } = countingRing();
      const seen: bigint[] = [];
      await takeAll(
        preparationOf(
          ids.map((id, at) => recordOf(`p-${id}`, at)),
          ring,
        ),
        most,
        ({ raw, sealing }) => {
          seen.push(raw.offset);
          sealing?.seal(ring);
        },
      );
      expect(seen).toEqual(ids.map((_, at) => BigInt(at)));
      expect(new Set(asked.flat())).toEqual(new Set(ids.map(id => `person p-${id}`)));
    }),
    { numRuns: 40 },
  );
});

test('where all keys are at hand, nothing is prepared before it is taken', async () => {
  const { ring, asked } = countingRing();
  await ring.prepare([{ kind: 'person', id: 'p' }], AbortSignal.timeout(1000));
  const prepared: unknown[] = [];
  const enrichers: Parts['enrichers'] = { enrich: record => record, seen: record => void prepared.push(record) };
  const records = Array.from({ length: 300 }, (_, at) => recordOf('p', at));
  const parts: Parts = { policy: null, services: null, actions: null, enrichers, ring };
  const preparation = new Preparation({ parts, writers: known }, place, batchOf(records), AbortSignal.timeout(1000));
  let taken = 0;
  const waits = await takeAll(preparation, 128, () => {
    taken++;
    expect(prepared).toHaveLength(taken);
  });
  expect({ taken, waits, asked: asked.length }).toEqual({ taken: 300, waits: 3, asked: 1 });
});

test('the keys of many who are news are asked for together', async () => {
  const { ring, asked } = countingRing();
  await takeAll(
    preparationOf(
      Array.from({ length: 256 }, (_, at) => recordOf(`p-${at}`, at)),
      ring,
    ),
    128,
    () => {},
  );
  expect(asked.map(owners => owners.length)).toEqual([128, 128]);
});

test('a schema that is news is waited for, and what has none is not', async () => {
  const found: number[] = [];
  const writers: WriterSchemas = {
    known: id => (found.includes(id) ? writer : undefined),
    find: async id => {
      found.push(id);
      return writer;
    },
    prepare: async () => {},
  };
  const records = [rawRecord(null, { offset: 0n }), recordOf('p', 1), recordOf('p', 2)];
  const preparation = preparationOf(records, null, writers);
  await preparation.ready();
  expect(preparation.take()?.decision.refused).toBe('no-value');
  expect(preparation.take()).toBeNull();
  expect(found).toEqual([]);
  await preparation.ready();
  expect([preparation.take(), preparation.take()].map(one => one?.decision.refused)).toEqual([null, null]);
  expect(found).toEqual([SCHEMA_ID]);
  expect(preparation.isDone).toBe(true);
});

test('a store that fails is told where its records would be taken', async () => {
  const ring: KeyRing = {
    ...memoryKeyRing({ strict: true }),
    prepare: () => Promise.reject(new Error('the store is gone')),
  };
  await expect(takeAll(preparationOf([recordOf('p', 0)], ring), 1, () => {})).rejects.toThrow('the store is gone');
});
