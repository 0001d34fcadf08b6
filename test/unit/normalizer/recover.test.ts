// Where to go on: the seal that verifies and reaches furthest, whatever else somebody has written behind it.

import { describe, expect, test } from 'vitest';
import { NormalizerError } from '../../../consumers/normalizer/error.ts';
import { findLastSeal, positionAfter, type SealContext } from '../../../consumers/normalizer/recover.ts';
import { RunBuilder } from '../../../consumers/normalizer/run.ts';
import { generatePem, nodeCrypto, signerFromPem } from '../../../core/edge/crypto.ts';
import { type FetchClient, type FetchedBatch, type FetchedRecord, KafkaError } from '../../../core/edge/kafka/index.ts';
import { chainStart } from '../../../core/proof/chain.ts';
import { SEAL_HEADER } from '../../../core/proof/seal.ts';
import { rawRecord } from './records.ts';

const signer = signerFromPem('test.example/normalizer', generatePem());
const stranger = signerFromPem('test.example/normalizer', generatePem());
const context: SealContext = {
  crypto: nodeCrypto,
  verifiers: [signer.key],
  origin: 'test.example',
  topic: 'audit.raw',
  partition: 0,
};

function noteOf(first: number, next: number, more = {}, by = signer): Buffer {
  const chain = { origin: 'test.example', topic: 'audit.raw', generation: 0, partition: 0, partitions: 1 };
  const builder = new RunBuilder(nodeCrypto.sha256, { ...chain, schemaId: 1, schemaText: '', ...more }, BigInt(first));
  for (let offset = first; offset < next; offset++) builder.add({ key: null, value: Buffer.from('00000x') });
  return builder.seal(chainStart, 0, by).note;
}

/** A topic of records, each with or without a seal, as the client would read it. */
function topicOf(notes: (Buffer | null)[]): FetchClient {
  const records: FetchedRecord[] = notes.map((note, offset) =>
    rawRecord(Buffer.from('event'), { offset: BigInt(offset), headers: note ? [[SEAL_HEADER, note]] : [] }),
  );
  const end = BigInt(notes.length);
  const client: Pick<FetchClient, 'offsets' | 'fetchOne'> = {
    offsets: async () => ({ start: 0n, stable: end, end }),
    fetchOne: async (topic, partition, first): Promise<FetchedBatch> => {
      const within = records.slice(Number(first), Number(first) + 10);
      const next = first + BigInt(within.length);
      return {
        topic,
        partition,
        first,
        next,
        records: within,
        groups: [within],
        skipped: 0n,
        lost: 0n,
        highWatermark: end,
        logStart: 0n,
      };
    },
  };
  return client as FetchClient;
}

const find = async (notes: (Buffer | null)[]) => {
  const { found, foreign } = await findLastSeal(topicOf(notes), 'audit.events', context);
  return { next: found?.seal.next, foreign };
};

describe('the last seal', () => {
  test.each<[string, (Buffer | null)[], bigint | undefined, number]>([
    ['an empty topic has none', [], undefined, 0],
    ['of a plain chain is the last', [noteOf(0, 2), null, noteOf(2, 4), noteOf(4, 5)], 5n, 0],
    ['is found far from the end', [noteOf(0, 9), ...Array(3000).fill(null)], 9n, 0],
    ['is not an old one written again', [noteOf(0, 2), noteOf(2, 4), noteOf(0, 2)], 4n, 1],
    ['is not one of many old ones', [noteOf(2, 4), ...Array(700).fill(noteOf(0, 2))], 4n, 700],
    [
      'of a higher generation goes before one that reaches further',
      [noteOf(8, 9), noteOf(0, 1, { generation: 1 })],
      1n,
      0,
    ],
    ['is not of another partition', [noteOf(0, 2), noteOf(2, 4, { partition: 1, partitions: 2 })], 2n, 1],
    ['is not of another topic', [noteOf(0, 2), noteOf(2, 4, { topic: 'other' })], 2n, 1],
    ['is not of another origin', [noteOf(0, 2), noteOf(2, 4, { origin: 'elsewhere' })], 2n, 1],
    ['is not one that is no note', [noteOf(0, 2), Buffer.from('tidemark-seal/1\n')], 2n, 1],
  ])('%s', async (_name, notes, next, foreign) => {
    expect(await find(notes)).toEqual({ next, foreign });
  });

  test('is not one whose signature is forged', async () => {
    const forged = Buffer.from(noteOf(2, 4).toString().replace('\n2 4\n', '\n2 5\n').replace('\n2 0 0\n', '\n3 0 0\n'));
    expect(await find([noteOf(0, 2), forged])).toEqual({ next: 2n, foreign: 1 });
  });

  test('by a key that is not accepted stops, if it reaches further', async () => {
    await expect(find([noteOf(0, 2), noteOf(2, 4, {}, stranger)])).rejects.toMatchObject({ code: 'unknown-key' });
    expect(await find([noteOf(0, 2, {}, stranger), noteOf(2, 4)])).toMatchObject({ next: 4n });
  });
});

describe('the position', () => {
  const place = { topic: 'audit.raw', partition: 0 };
  const log = { start: 10n, end: 20n };
  const end = { generation: 1, next: 15n, lastSeal: new Uint8Array(32), sealedAt: 0 };

  test('is where the chain ends, also where retention was faster', () => {
    expect(positionAfter(end, 1, log, place)).toBe(15n);
    expect(positionAfter({ ...end, next: 5n }, 1, log, place)).toBe(5n);
    expect(positionAfter({ ...end, next: 20n }, 1, log, place)).toBe(20n);
  });

  test('of a new chain, or of a new generation, is where the log starts', () => {
    expect(positionAfter(chainStart, 0, log, place)).toBe(10n);
    expect(positionAfter(end, 2, log, place)).toBe(10n);
  });

  test('is none where log and chain contradict each other', () => {
    expect(() => positionAfter({ ...end, next: 21n }, 1, log, place)).toThrow(KafkaError);
    expect(() => positionAfter(end, 0, log, place)).toThrow(NormalizerError);
  });
});
