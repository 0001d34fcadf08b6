// A set of records is, byte for byte, the batch and the request that kafkajs would make of the same messages.

import { createRequire } from 'node:module';
import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  loadInternals,
  type ProduceRequest,
  type Protocol,
  sendRequestOf,
} from '../../../core/edge/kafka/internals.ts';
import { OutgoingBatch } from '../../../core/edge/kafka/outgoing-batch.ts';
import { patchKafka } from '../../../core/edge/kafka/patch.ts';

const require = createRequire(import.meta.url);
type Encoded = { buffer: Buffer };
const theirProduce: (request: object) => {
  encode(): Promise<Encoded>;
} = require('kafkajs/src/protocol/requests/produce/v7/request');

const bytes = fc.uint8Array({ maxLength: 300 }).map(one => Buffer.from(one));
const message = fc.record({
  key: fc.option(bytes),
  value: fc.oneof(
    bytes,
    fc.nat({ max: 70_000 }).map(n => Buffer.alloc(n, 5)),
  ),
});

test('any messages are sent as kafkajs sends them', async () => {
  patchKafka();
  const { Broker } = loadInternals();
  const header = fc.option(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 9 }), bytes));
  const writer = fc.record({
    transactionalId: fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 2000 }), { nil: undefined }),
    producerId: fc.bigInt(0n, 2n ** 62n).map(String),
    producerEpoch: fc.nat({ max: 32_767 }),
    firstSequence: fc.nat({ max: 2 ** 31 - 1 }),
    partition: fc.nat({ max: 5000 }),
    topic: fc.stringMatching(/^[a-z.]{1,20}$/),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 200 }), header, writer, async (all, last, by) => {
      const { topic, partition, firstSequence, transactionalId, ...producer } = by;
      const set = new OutgoingBatch(partition, 100);
      for (const [n, { key, value }] of all.entries()) set.add(key, value, n === all.length - 1 ? last : null);
      const now = 1_767_600_000_123;
      const messages = all.map((one, n) => ({
        ...one,
        headers: last && n === all.length - 1 ? { [last[0]]: last[1] } : {},
        timestamp: now,
      }));
      const ofTransaction = transactionalId === undefined ? {} : { transactionalId };
      const request = (given: unknown): ProduceRequest => ({
        topicData: [{ topic, partitions: [{ partition, messages: given, firstSequence }] }],
        ...producer,
        ...ofTransaction,
        acks: -1,
        timeout: 30_000,
      });
      const theirs = (await theirProduce(request(messages)).encode()).buffer;
      const ours = await sent(Broker.prototype, request(set));
      // Times are the only thing in it that differs, and with them the checksum.
      const batch = ours.length - set.size;
      const at = { crc: batch + 17, first: batch + 27, max: batch + 35 };
      const time = Buffer.alloc(8);
      time.writeBigInt64BE(BigInt(now));
      time.copy(ours, at.first);
      time.copy(ours, at.max);
      ours.writeUInt32BE(crc32c(ours.subarray(at.crc + 4)), at.crc);
      expect(ours.equals(theirs)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

/** What a broker of kafkajs would be sent. */
async function sent(prototype: Parameters<typeof sendRequestOf>[0], request: ProduceRequest): Promise<Buffer> {
  let made: Protocol | undefined;
  const broker = Object.create(prototype, {
    lookupRequest: { value: () => (asked: object) => ({ request: theirProduce(asked) }) },
    [sendRequestOf(prototype)]: {
      value: async (protocol: Protocol) => {
        made = protocol;
      },
    },
  });
  await prototype.produce.call(broker, request);
  const encoded = (await made?.request.encode()) as Encoded | undefined;
  return Buffer.from(encoded?.buffer ?? []);
}
