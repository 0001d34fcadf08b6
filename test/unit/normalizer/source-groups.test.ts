// The proof of a group, against each way to use it for what it was not given for.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeGroup, type SourceVerdict } from '../../../consumers/normalizer/sources/judge-group.ts';
import type { Services } from '../../../consumers/normalizer/sources/services.ts';
import { verdictsOf } from '../../../consumers/normalizer/sources/verdicts.ts';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import type { FetchedRecord } from '../../../core/edge/kafka/index.ts';
import { hex } from '../../../core/proof/bytes.ts';
import { signNote } from '../../../core/proof/note.ts';
import { SOURCE_HEADER } from '../../../core/proof/source.ts';
import { place } from './records.ts';
import {
  billing,
  dated,
  eventOf,
  gateway,
  groupOf,
  impostor,
  producer,
  register,
  servicesOf,
  stranger,
} from './source-groups.ts';

const now = 1_767_700_000_000;
const services = servicesOf(
  register('billing', { keys: [dated(billing)] }),
  register('gateway', { keys: [dated(gateway)] }),
);

const judge = (group: readonly FetchedRecord[], known: Services = services): SourceVerdict[] =>
  judgeGroup(group, { crypto: nodeCrypto, topic: place.topic, partition: place.partition, services: known, now });

/** Each verdict in a word. */
const words = (verdicts: readonly SourceVerdict[]) =>
  verdicts.map(verdict => (verdict.proof === 'wrong' ? verdict.code : verdict.proof));

const five = [3, 4, 7, 8, 9].map(sequence => eventOf(sequence));
const signed = () => groupOf(five, billing);
const all = (word: string, count = 5) => Array.from({ length: count }, () => word);

const withHeader = (record: FetchedRecord | undefined, name: string, value: Buffer | null): FetchedRecord => {
  if (!record) throw new Error('no record');
  return { ...record, headers: [...record.headers.filter(([one]) => one !== name), [name, value]] };
};
const proofOf = (group: readonly FetchedRecord[]): Buffer =>
  group.at(-1)?.headers.find(([name]) => name === SOURCE_HEADER)?.[1] ?? Buffer.alloc(0);

describe('a proof', () => {
  test.each([1, 2, 5])('holds for all %i records that it was given for', count => {
    const group = groupOf(five.slice(0, count), billing);
    const numbers = { instance: 'i-1', first: 3, last: five[count - 1]?.producer?.sequence };
    const verdict = { proof: 'valid', service: 'billing', keyId: hex(billing.signer.key.id), numbers };
    expect(judge(group)).toEqual(all('', count).map(() => verdict));
  });

  test('is worth nothing, and no harm, by a service that nobody registered', () => {
    expect(words(judge(groupOf(five, stranger)))).toEqual(all('unregistered'));
  });

  test('of which there is none', () => {
    expect(words(judge(groupOf(five, undefined)))).toEqual(all('none'));
  });

  test('is for the records from the last one on: two groups in one batch, and records behind them', () => {
    const rest = groupOf([eventOf(12)], undefined);
    const batch = [...signed(), ...groupOf([eventOf(10), eventOf(11)], impostor), ...rest];
    expect(words(judge(batch))).toEqual([...all('valid'), ...all('source-signature', 2), 'none']);
    const instances = [eventOf(3), eventOf(4), eventOf(0, { producer: producer(0, 'i-2') })];
    expect(judge(groupOf(instances, billing)).map(one => one.proof === 'valid' && one.numbers)).toEqual([
      { instance: 'i-1', first: 3, last: 4 },
      { instance: 'i-1', first: 3, last: 4 },
      { instance: 'i-2', first: 0, last: 0 },
    ]);
  });

  test('of a group that is sent again holds again: what came twice has the ids and numbers that it had', () => {
    expect(words(judge(groupOf(five, billing, { first: 900 })))).toEqual(all('valid'));
  });
});

test.each<[string, () => FetchedRecord[], string]>([
  ["an impostor's key", () => groupOf(five, impostor), 'source-signature'],
  [
    'a signature that was altered',
    () => {
      const text = proofOf(signed()).toString('utf8');
      const altered = text.replace(/(— \S+ \S{20})(\S)/, (_, before, one) => `${before}${one === 'A' ? 'B' : 'A'}`);
      return [...signed().slice(0, 4), withHeader(signed()[4], SOURCE_HEADER, Buffer.from(altered))];
    },
    'source-signature',
  ],
  [
    'a text that was altered under its signature',
    () => {
      const altered = proofOf(signed()).toString('utf8').replace('i-1 3 9', 'i-1 3 99');
      return [...signed().slice(0, 4), withHeader(signed()[4], SOURCE_HEADER, Buffer.from(altered))];
    },
    'source-signature',
  ],
  [
    "another service's key, signing as billing",
    () => groupOf(five, { service: 'billing', signer: gateway.signer }),
    'source-signature',
  ],
  [
    'a header that is no note',
    () => [...signed().slice(0, 4), withHeader(signed()[4], SOURCE_HEADER, Buffer.from('me, billing'))],
    'source-signature',
  ],
  [
    'a note of another kind, by the same key',
    () => {
      const note = Buffer.from(signNote('tidemark-seal/1\nbilling\n', billing.signer));
      return [...signed().slice(0, 4), withHeader(signed()[4], SOURCE_HEADER, note)];
    },
    'source-signature',
  ],
  [
    'a header without a value',
    () => [...signed().slice(0, 4), withHeader(signed()[4], SOURCE_HEADER, null)],
    'source-signature',
  ],
  [
    'a header that is too long',
    () => [...signed().slice(0, 4), withHeader(signed()[4], SOURCE_HEADER, Buffer.alloc(5000, '\n'))],
    'source-signature',
  ],
  [
    'a proof moved to another group of as many',
    () => {
      const other = groupOf(
        [3, 4, 7, 8, 10].map(n => eventOf(n)),
        undefined,
      );
      return [...other.slice(0, 4), withHeader(other[4], SOURCE_HEADER, proofOf(signed()))];
    },
    'source-group',
  ],
  ['a record that was dropped', () => signed().filter((_, index) => index !== 2), 'source-group'],
  ['a record that was put in', () => [signed()[0] as FetchedRecord, ...signed()], 'source-group'],
  [
    'records in another order',
    () => [1, 0, 2, 3, 4].map(index => ({ ...(signed()[index] as FetchedRecord) })),
    'source-group',
  ],
  [
    'a value that was altered',
    () =>
      signed().map((record, n) =>
        n === 1 ? { ...record, value: Buffer.from(record.value ?? '').fill(9, 20, 21) } : record,
      ),
    'source-group',
  ],
  [
    "a datum under another schema's id",
    () =>
      signed().map((record, n) =>
        n === 1 ? { ...record, value: Buffer.from(record.value ?? '').fill(8, 4, 5) } : record,
      ),
    'source-group',
  ],
  [
    'a group copied to another partition',
    () => groupOf(five, billing, { to: { ...place, partition: 4 } }),
    'source-group',
  ],
  [
    'a group copied from another topic',
    () => groupOf(five, billing, { to: { ...place, topic: 'staging.raw' } }),
    'source-group',
  ],
])('%s refuses all that it came with', (_, group, code) => {
  const records = group();
  expect(words(judge(records))).toEqual(all(code, records.length));
});

test('with any byte of a proof altered it holds for nothing; whatever stands there, it is judged', () => {
  const [record] = groupOf([eventOf(3)], billing);
  const proof = proofOf([record as FetchedRecord]);
  for (let at = 0; at < proof.length; at++) {
    const altered = Buffer.from(proof);
    altered[at] = (altered[at] ?? 0) ^ 1;
    expect(words(judge([withHeader(record, SOURCE_HEADER, altered)]))).not.toEqual(['valid']);
  }
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
    fc
      .tuple(fc.nat(proof.length), fc.nat(proof.length))
      .map(([a, b]) => proof.subarray(Math.min(a, b), Math.max(a, b))),
    fc.string({ unit: 'grapheme' }).map(text => Buffer.from(proof.toString('utf8').replace('billing', text))),
  );
  fc.assert(
    fc.property(anything, bytes => {
      const [verdict] = judge([withHeader(record, SOURCE_HEADER, bytes)]);
      if (!bytes.equals(proof)) expect(verdict?.proof).not.toBe('valid');
    }),
  );
});

describe('keys', () => {
  const at = (ms: number, more: object = {}) =>
    groupOf(five, billing, { timestamp: ms }).map(one => ({ ...one, ...more }));
  const known = servicesOf(register('billing', { keys: [dated(billing, 1000, 2000)] }));

  test('count from their first time and up to their last, by the time of the broker', () => {
    const found = [999, 1000, 1999, 2000].map(ms => words(judge(at(ms), known))[0]);
    expect(found).toEqual(['source-signature', 'valid', 'valid', 'source-signature']);
    expect(judge(at(5000), known)[0]).toMatchObject({ message: expect.stringContaining('outside the time') });
  });

  test("by the normalizer's clock where only the producer says when it was", () => {
    expect(words(judge(at(1500, { logAppendTime: false }), known))).toEqual(all('source-signature'));
  });

  test('may be several, and the old and the new one sign in turn', () => {
    const both = servicesOf(register('billing', { keys: [dated(billing), dated(impostor)] }));
    expect(words(judge([...signed(), ...groupOf(five, impostor)], both))).toEqual(all('valid', 10));
  });
});

test('in a batch each group is judged once, when its first record is asked for', () => {
  const groups = [signed(), groupOf([eventOf(20)], undefined, { first: 107 }), groupOf(five, impostor, { first: 110 })];
  let asked = 0;
  const sourceOf = verdictsOf({ topic: place.topic, partition: place.partition, groups }, () => {
    asked++;
    return services;
  });
  // The batch begins within the first group, and some of its records are in none.
  const offsets = [102, 104, 105, 107, 108, 110, 112, 114, 115];
  const found = offsets.map(offset => [
    words([sourceOf({ ...(groups[0]?.[0] as FetchedRecord), offset: BigInt(offset) })])[0],
    asked,
  ]);
  expect(found).toEqual([
    ['valid', 1],
    ['valid', 1],
    ['none', 2],
    ['none', 2],
    ['none', 3],
    ['source-signature', 3],
    ['source-signature', 3],
    ['source-signature', 3],
    ['none', 3],
  ]);
});
