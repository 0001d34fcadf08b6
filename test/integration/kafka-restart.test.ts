// A broker that goes away and comes back: partitions are read on from where they stood, without a record twice or missing.

import type { Kafka } from 'kafkajs';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKafka, runPartitions } from '../../core/edge/kafka/index.ts';
import { type KafkaServer, startKafka } from '../../infra/local/kafka.ts';
import { createTopics } from '../../infra/local/topics.ts';
import { until } from './normalizer-program.ts';

const logged: string[] = [];
const log = pino({ level: 'warn' }, { write: line => logged.push(line) });
let server: KafkaServer;
let kafka: Kafka;

beforeAll(async () => {
  server = await startKafka();
  kafka = createKafka({ brokers: [server.brokers], tls: null, sasl: null }, log, 'test');
});
afterAll(() => server?.stop());

test('a broker is away for longer than kafkajs tries, under a group that reads', async () => {
  await createTopics(server.brokers, { raw: 'raw', events: 'events', partitions: 2 });
  const read: string[][] = [[], []];
  const fatal: string[] = [];
  const next = [0n, 0n];
  const running = await runPartitions({
    kafka,
    log,
    groupId: 'g',
    topic: 'raw',
    sessionTimeoutMs: 10_000,
    onFatal: error => fatal.push(error.message),
    createWorker: partition => ({
      start: async () => next[partition] ?? 0n,
      onBatch: async batch => {
        if (batch.first !== next[partition]) throw new Error(`a batch at ${batch.first}, not at ${next[partition]}`);
        next[partition] = batch.next;
        read[partition]?.push(...batch.records.map(({ value }) => `${value}`));
      },
      stop: async () => {},
    }),
  });
  const send = async (from: number, to: number) => {
    const producer = kafka.producer({ retry: { retries: 20 } });
    await producer.connect();
    for (let n = from; n < to; n++) {
      await producer.send({ topic: 'raw', messages: [0, 1].map(partition => ({ value: `${n}`, partition })) });
    }
    await producer.disconnect();
  };
  await send(0, 10);
  await until('ten are read', () => read.every(values => values.length === 10));
  await server.kill();
  await until('the group is given up once', () => logged.some(line => line.includes('joining anew')));
  await server.restart();
  await send(10, 20);
  await until('twenty are read', () => fatal.length > 0 || read.every(values => values.length === 20));
  expect(fatal).toEqual([]);
  for (const values of read) expect(values).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
  await running.stop();
});
