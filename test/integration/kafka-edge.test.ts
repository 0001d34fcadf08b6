// The Kafka edge on a real broker: positions, aborted records, codecs, headers, and partitions dealt out to a group.

import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Kafka } from 'kafkajs';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createKafka,
  FetchClient,
  type FetchedBatch,
  type FetchedRecord,
  readBackwards,
  readHints,
  readRange,
  runPartitions,
} from '../../core/edge/kafka/index.ts';
import { createFresh, freshNames, stackVariable } from '../stack.ts';

const log = pino({ level: process.env.LOG_LEVEL ?? 'silent' });
let kafka: Kafka;
let client: FetchClient;

beforeAll(() => {
  kafka = createKafka({ brokers: stackVariable('KAFKA_BROKERS').split(','), tls: null, sasl: null }, log, 'test');
  client = new FetchClient(kafka);
});
afterAll(() => client.close());

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${what}`);
    await delay(20);
  }
}

/** Transactions, each committed or aborted, to partition 0. */
async function writeTransactions(topic: string, transactions: { keys: (string | Buffer)[]; abort: boolean }[]) {
  const producer = kafka.producer({ transactionalId: `tx-${topic}`, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  for (const { keys, abort } of transactions) {
    const transaction = await producer.transaction();
    const messages = keys.map(key => ({ key, value: 'x', partition: 0 }));
    await transaction.send({ topic, messages });
    await (abort ? transaction.abort() : transaction.commit());
  }
  await producer.disconnect();
  // The answer to the end of a transaction comes before its markers are written.
  await until('all is settled', async () => {
    const { stable, end } = await client.offsets(topic, 0);
    return stable === end;
  });
}

const keysOf = (records: readonly FetchedRecord[]) => records.map(record => record.key?.toString('latin1'));

async function readAll(topic: string, from = 0n): Promise<FetchedBatch[]> {
  const batches: FetchedBatch[] = [];
  for await (const batch of readRange(client, topic, 0, from)) batches.push(batch);
  return batches;
}

describe('reading', () => {
  test('accounts for each offset, and never shows an aborted record, whatever its key', async () => {
    const { events } = await createFresh();
    const marker = Buffer.from([0, 0, 0, 0]);
    await writeTransactions(events, [
      { keys: ['a', 'b'], abort: false },
      { keys: [marker, 'never', 'never'], abort: true },
      { keys: [marker], abort: false },
      { keys: ['never'], abort: true },
    ]);
    const batches = await readAll(events);
    expect(batches.flatMap(({ records }) => keysOf(records))).toEqual(['a', 'b', '\0\0\0\0']);
    let position = 0n;
    for (const { first, next, records, skipped, lost } of batches) {
      expect(first).toBe(position);
      expect(BigInt(records.length) + skipped + lost).toBe(next - first);
      position = next;
    }
    expect(position).toBe((await client.offsets(events, 0)).stable);
    expect(position).toBe(11n);
    const [marked] = await readAll(events, 9n);
    expect(marked).toMatchObject({ first: 9n, next: 11n, records: [], skipped: 2n });
  });

  test('backwards: windows from the end to the start, each in order', async () => {
    const { events } = await createFresh();
    await writeTransactions(events, [
      { keys: ['a', 'b', 'c', 'd', 'e'], abort: false },
      { keys: Array(100).fill('never'), abort: true },
    ]);
    const windows: string[] = [];
    for await (const window of readBackwards(client, events, 0, 4n)) windows.push(keysOf(window).join(''));
    expect(windows.toReversed().join('')).toBe('abcde');
    expect(windows.length).toBeGreaterThan(3);
  });

  test('keeps the headers of a record in order, doubles too', async () => {
    const { events } = await createFresh();
    const producer = kafka.producer();
    await producer.connect();
    const headers = { b: ['1', '2'], '1': 'x', toString: 'y' };
    await producer.send({ topic: events, messages: [{ value: 'v', headers, partition: 0 }] });
    await producer.disconnect();
    const [batch] = await readAll(events);
    const found = batch?.records[0]?.headers.map(([name, value]) => `${name}=${value}`);
    expect(found?.toSorted()).toEqual(['1=x', 'b=1', 'b=2', 'toString=y']);
  });

  const values = Array.from({ length: 300 }, (_, i) => `${i}:${'value '.repeat(i)}`);
  const produce = async (topic: string, compression?: kafkajs.CompressionTypes) => {
    const producer = kafka.producer();
    await producer.connect();
    const messages = values.map(value => ({ value, partition: 0 }));
    await producer.send({ topic, messages, ...(compression === undefined ? {} : { compression }) });
    await producer.disconnect();
    return (await readAll(topic)).flatMap(({ records }) => records.map(({ value }) => `${value}`));
  };

  test.each(['None', 'GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const)('reads its own batches in %s', async name => {
    const { events } = await createFresh();
    expect(await produce(events, kafkajs.CompressionTypes[name])).toEqual(values);
  });

  test.each(['gzip', 'snappy', 'lz4', 'zstd'])("reads batches that Kafka's own code compressed with %s", async name => {
    const topic = freshNames().events;
    const admin = kafka.admin();
    await admin.connect();
    // The broker compresses anew what comes in another codec.
    const configEntries = [{ name: 'compression.type', value: name }];
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }], waitForLeaders: true });
    await admin.disconnect();
    expect(await produce(topic)).toEqual(values);
  });
});

describe('a group', () => {
  test('deals partitions out, reads each from where its worker says, and takes over', async () => {
    const { raw, group } = await createFresh(4);
    const producer = kafka.producer();
    await producer.connect();
    const send = (text: string) =>
      producer.send({ topic: raw, messages: [0, 1, 2, 3].map(partition => ({ value: text, partition })) });
    for (const text of ['0', '1', '2']) await send(text);

    const seen: string[] = [];
    const positions = new Map<number, bigint>();
    const join = (name: string) =>
      runPartitions({
        kafka,
        log,
        groupId: group,
        topic: raw,
        onFatal: error => seen.push(`${name} fatal ${error.message}`),
        createWorker: (partition, context) => ({
          start: async () => positions.get(partition) ?? 1n,
          onBatch: async batch => {
            for (const { value } of batch.records) seen.push(`${name} ${partition} ${value}`);
            positions.set(partition, batch.next);
            await context.commitHint({ offset: batch.next, metadata: `by ${name}` });
          },
          stop: async () => {},
        }),
      });
    const a = await join('a');
    await until('a has read 8', () => seen.length === 8);
    expect(seen.filter(line => line.startsWith('a 3'))).toEqual(['a 3 1', 'a 3 2']);

    const b = await join('b');
    await until('two each', () => a.partitions().length === 2 && b.partitions().length === 2 && b.ready());
    await send('3');
    await until('12 read', () => seen.length === 12);
    expect(seen.filter(line => line.startsWith('b'))).toHaveLength(2);

    await b.stop();
    await until('a has all', () => a.partitions().length === 4 && a.ready());
    await send('4');
    await until('16 read', () => seen.length === 16);
    const committed = async () => [...(await readHints(kafka, group, raw)).values()];
    await until('hints', async () => (await committed()).filter(hint => hint.offset === 5n).length === 4);
    expect(await committed()).toContainEqual({ offset: 5n, metadata: 'by a' });
    await a.stop();
    await producer.disconnect();
  });

  test('deals out partitions that are added while it runs, though it fetches nothing by itself', async () => {
    const { raw, group } = await createFresh(1);
    const read: string[] = [];
    const running = await runPartitions({
      kafka,
      log,
      groupId: group,
      topic: raw,
      metadataAgeMs: 500,
      onFatal: error => read.push(error.message),
      createWorker: partition => ({
        start: async () => 0n,
        onBatch: async ({ records }) => void read.push(...records.map(({ value }) => `${partition} ${value}`)),
        stop: async () => {},
      }),
    });
    await until('it has the first', () => running.ready());
    const admin = kafka.admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic: raw, count: 3 }] });
    await admin.disconnect();
    await until('it has all', () => running.partitions().length === 3 && running.ready());
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: raw, messages: [{ value: 'new', partition: 2 }] });
    await until('the new one is read', () => read.includes('2 new'));
    expect(read).toEqual(['2 new']);
    await producer.disconnect();
    await running.stop();
  });

  test('tells what retention took as lost, and starts a worker anew after an error that says so', async () => {
    const { raw, group } = await createFresh();
    const producer = kafka.producer();
    await producer.connect();
    for (const value of ['0', '1', '2', '3']) await producer.send({ topic: raw, messages: [{ value, partition: 0 }] });
    const admin = kafka.admin();
    await admin.connect();
    await admin.fetchTopicOffsets(raw); // deleteTopicRecords does not look for the leaders itself
    await admin.deleteTopicRecords({ topic: raw, partitions: [{ partition: 0, offset: '2' }] });
    await admin.disconnect();
    let starts = 0;
    const batches: FetchedBatch[] = [];
    const running = await runPartitions({
      kafka,
      log,
      groupId: group,
      topic: raw,
      onFatal: () => {},
      createWorker: () => ({
        start: async () => {
          starts++;
          return 1n;
        },
        onBatch: async batch => {
          if (starts === 1) throw Object.assign(new Error('once'), { disposition: 'retry' });
          batches.push(batch);
        },
        stop: async () => {},
      }),
    });
    await until('all is accounted for', () => batches.at(-1)?.next === 4n);
    expect(starts).toBe(2);
    expect(batches[0]).toMatchObject({ first: 1n, lost: 1n });
    expect(batches.flatMap(({ records }) => records.map(({ value }) => `${value}`))).toEqual(['2', '3']);
    await running.stop();
    await producer.disconnect();
  });

  test.each([
    ['wait', true],
    ['retry', false],
  ] as const)('a worker that fails again and again, and says %s: lives on %s', async (disposition, lives) => {
    const { raw, group } = await createFresh();
    let starts = 0;
    let fatal: Error | null = null;
    const running = await runPartitions({
      kafka,
      log,
      groupId: group,
      topic: raw,
      onFatal: error => {
        fatal = error;
      },
      createWorker: () => ({
        start: async () => {
          starts++;
          if (starts <= 9) throw Object.assign(new Error('it is away'), { disposition });
          return 0n;
        },
        onBatch: async () => {},
        stop: async () => {},
      }),
    });
    await until('it has made up its mind', () => starts > 9 || fatal !== null);
    expect(fatal).toEqual(lives ? null : expect.objectContaining({ code: 'no-progress' }));
    await running.stop();
  });
});
