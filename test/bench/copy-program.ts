// The bare transactional copy with kafkajs: partition 0 of one topic to another, by the normalizer's own limits of a run, with all that
// makes kafkajs fast: no timer loop, one producer of the partition, large batches, reading ahead while a transaction is on its way. It
// commits no offsets, which is not exactly once, but is the fastest that a copy can be.
//
//   node copy-program.ts <from> <to>

import type { Message } from 'kafkajs';
import { pino } from 'pino';
import { createKafka } from '../../core/edge/kafka/index.ts';
import { kafkaSettings } from '../../core/edge/settings.ts';

const [from = '', to = ''] = process.argv.slice(2);
const limits = { ageMs: 120, bytes: 3_000_000, events: 10_000 };
const maxBatchBytes = 900_000;
/** Bytes that may wait: two runs. */
const maxWaiting = 2 * limits.bytes;

const kafka = createKafka(kafkaSettings(process.env), pino({ level: 'silent' }), 'tidemark-bench-copy');
const producer = kafka.producer({
  transactionalId: `copy-${to}`,
  idempotent: true,
  maxInFlightRequests: 1,
  transactionTimeout: 15_000,
  retry: { initialRetryTime: 10, maxRetryTime: 250, retries: 60 },
});
const consumer = kafka.consumer({
  groupId: `copy-${to}`,
  maxBytesPerPartition: 1 << 20,
  maxBytes: 4 << 20,
  maxWaitTimeInMs: 100,
  readUncommitted: false,
});

let waiting: Message[] = [];
let waitingBytes = 0;
let since = 0;
let room = Promise.withResolvers<void>();
let work = Promise.withResolvers<void>();

/** Commits what waits, run by run, for ever. */
async function write(): Promise<never> {
  for (;;) {
    const wait = waiting.length === 0 ? Number.POSITIVE_INFINITY : since + limits.ageMs - Date.now();
    const isFull = waitingBytes >= limits.bytes || waiting.length >= limits.events;
    if (!isFull && wait > 0) {
      const timer = Number.isFinite(wait) ? setTimeout(() => work.resolve(), wait) : undefined;
      await work.promise;
      clearTimeout(timer);
      work = Promise.withResolvers();
      continue;
    }
    const transaction = await producer.transaction();
    for (let left = limits.bytes; left > 0 && waiting.length > 0; ) {
      const messages = takeBatch();
      left -= maxBatchBytes;
      room.resolve();
      await transaction.send({ topic: to, messages, acks: -1 });
    }
    await transaction.commit();
    since = Date.now();
  }
}

const sizeOf = ({ key, value }: Message): number => (key?.length ?? 0) + (value?.length ?? 0) + 64;

function takeBatch(): Message[] {
  let bytes = 0;
  const end = waiting.findIndex(message => {
    bytes += sizeOf(message);
    return bytes > maxBatchBytes;
  });
  const batch = end === -1 ? waiting : waiting.slice(0, Math.max(1, end));
  waiting = waiting.slice(batch.length);
  waitingBytes -= batch.reduce((sum, message) => sum + sizeOf(message), 0);
  return batch;
}

await producer.connect();
await consumer.connect();
await consumer.subscribe({ topics: [from], fromBeginning: true });
void write();
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: true,
  eachBatch: async ({ batch }) => {
    if (batch.partition !== 0) return;
    if (waiting.length === 0) since = Date.now();
    for (const { key, value } of batch.messages) {
      const message = { key, value, partition: 0 };
      waiting.push(message);
      waitingBytes += sizeOf(message);
    }
    work.resolve();
    while (waitingBytes > maxWaiting) {
      room = Promise.withResolvers();
      await room.promise;
    }
  },
});
process.once('SIGTERM', () => process.exit(0));
