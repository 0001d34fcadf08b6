// The live change on a real broker: what one normalizer saw, another knows after its start, and while it runs; losing the topic costs
// marks alone.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Kafka } from 'kafkajs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Enrichers, openEnrichers } from '../../consumers/normalizer/enrich/index.ts';
import { createKafka, FetchClient, KafkaError, readRange } from '../../core/edge/kafka/index.ts';
import type { EnrichmentSettings } from '../../core/edge/settings.ts';
import { parseDuration } from '../../core/proof/period.ts';
import type { AuditRecord } from '../../schemas/index.ts';
import { stackVariable } from '../stack.ts';
import { from, minute, record, target, ten, valuesOf } from '../unit/enrich/records.ts';

const log = pino({ level: process.env.LOG_LEVEL ?? 'silent' });
let kafka: Kafka;
const opened: Enrichers[] = [];

beforeAll(() => {
  kafka = createKafka({ brokers: stackVariable('KAFKA_BROKERS').split(','), tls: null, sasl: null }, log, 'test');
});
afterAll(() => Promise.all(opened.map(one => one.close())));

async function open(changesTopic: string, said = log): Promise<Enrichers> {
  const clockTolerance = parseDuration('PT1H');
  const settings: EnrichmentSettings = { geoip: null, catalogue: null, people: null, changesTopic, clockTolerance };
  const enrichers = await openEnrichers(settings, { kafka, log: said, registry: new Registry() });
  opened.push(enrichers);
  return enrichers;
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 50_000; !(await condition()); await delay(50))
    if (Date.now() > deadline) throw new Error(`not within 50 s: ${what}`);
}

const deployed = (service: string, version: string, occurredAt: number): AuditRecord =>
  record({
    id: randomUUID(),
    action: 'deployment.finish',
    occurredAt,
    targets: [target('service', service)],
    ...from('deployer'),
    attributes: [{ key: 'version', value: { type: 'string', text: version } }],
  });

const versionAt = ({ enrich }: Enrichers, service: string, occurredAt: number): unknown =>
  valuesOf(enrich(record({ occurredAt, ...from(service) })).enrichment.find(({ name }) => name === 'live-change'))[
    'deployment.version'
  ];

async function policyOf(topic: string): Promise<string | undefined> {
  const admin = kafka.admin();
  await admin.connect();
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['cleanup.policy'] }];
  const { resources: described } = await admin.describeConfigs({ resources, includeSynonyms: false });
  await admin.disconnect();
  return described[0]?.configEntries[0]?.configValue;
}

/** Whether a reader that expects each offset meets a hole. */
async function hasHoles(topic: string): Promise<boolean> {
  const client = new FetchClient(kafka);
  try {
    for (const partition of [0, 1]) for await (const _ of readRange(client, topic, partition, 0n));
    return false;
  } catch (error) {
    if (error instanceof KafkaError && error.code === 'hole') return true;
    throw error;
  } finally {
    await client.close();
  }
}

describe('live changes', () => {
  test('are restored before the first event, by time and not by order of arrival', async () => {
    const topic = `changes-${randomUUID()}`;
    const first = await open(topic);
    first.seen(deployed('billing', '2.0', ten));
    first.seen(deployed('billing', '1.0', ten - 10 * minute));
    first.seen(deployed('orders', '7.0', ten));
    expect(versionAt(first, 'billing', ten + 1)).toBe('2.0');
    await first.close();
    expect(await policyOf(topic)).toBe('compact');

    const second = await open(topic);
    expect(versionAt(second, 'billing', ten + 1)).toBe('2.0');
    expect(versionAt(second, 'billing', ten - 1)).toBe('1.0');
    expect(versionAt(second, 'billing', ten - 11 * minute)).toBeUndefined();
    expect(versionAt(second, 'orders', ten)).toBe('7.0');
  });

  test('reach instances that run, and changes seen at once by two are all kept', async () => {
    const topic = `changes-${randomUUID()}`;
    const [one, two] = await Promise.all([open(topic), open(topic)]);
    one.seen(deployed('billing', '1.0', ten - minute));
    two.seen(deployed('billing', '2.0', ten));
    for (const each of [one, two]) {
      await until(
        'both know both',
        () => versionAt(each, 'billing', ten - 1) === '1.0' && versionAt(each, 'billing', ten) === '2.0',
      );
    }
    await Promise.all([one.close(), two.close()]);
    const three = await open(topic);
    expect(versionAt(three, 'billing', ten - 1)).toBe('1.0');
    expect(versionAt(three, 'billing', ten)).toBe('2.0');
  });

  test('a compacted topic is read with the holes that compaction leaves, and strangers are passed over', async () => {
    const topic = `changes-${randomUUID()}`;
    const admin = kafka.admin();
    await admin.connect();
    const entry = (name: string, value: string) => ({ name, value });
    const configEntries = [
      entry('cleanup.policy', 'compact'),
      entry('min.cleanable.dirty.ratio', '0.01'),
      entry('segment.ms', '100'),
      entry('max.compaction.lag.ms', '100'),
    ];
    await admin.createTopics({ topics: [{ topic, numPartitions: 2, configEntries }], waitForLeaders: true });
    await admin.disconnect();
    const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({
      topic,
      messages: [
        { key: 'strange', value: 'x' },
        { key: 'gone', value: null },
      ],
    });
    await producer.disconnect();
    // Each round is a program of its own, and ends a segment: its write is the first after the segment's age.
    for (let round = 0; round < 5; round++) {
      const one = await open(topic);
      for (let version = round * 8 + 1; version <= round * 8 + 8; version++)
        one.seen(deployed('billing', `${version}.0`, ten + version));
      await one.close();
    }
    await until('the log was compacted', () => hasHoles(topic));
    const second = await open(topic);
    expect(versionAt(second, 'billing', ten + 40)).toBe('40.0');
    expect(versionAt(second, 'billing', ten + 25)).toBe('25.0');
    expect(versionAt(second, 'billing', ten + 24)).toBeUndefined();
  });

  test('a topic that forgets is used, and told of', async () => {
    const topic = `changes-${randomUUID()}`;
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
    await admin.disconnect();
    const lines: string[] = [];
    const one = await open(topic, pino({ level: 'warn' }, { write: (line: string) => lines.push(line) }));
    expect(lines.join()).toContain('cleanup.policy=delete');
    one.seen(deployed('billing', '1.0', ten));
    await one.close();
    const two = await open(topic);
    expect(versionAt(two, 'billing', ten)).toBe('1.0');
  });

  test('a topic that is deleted under way costs nobody anything but marks', async () => {
    const topic = `changes-${randomUUID()}`;
    const first = await open(topic);
    first.seen(deployed('billing', '1.0', ten));
    const admin = kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
    first.seen(deployed('billing', '2.0', ten + 1));
    expect(versionAt(first, 'billing', ten)).toBe('1.0');
    expect(versionAt(first, 'billing', ten + 1)).toBe('2.0');
    expect(first.enrich(record(from('billing'))).enrichment).toHaveLength(1);
  });
});
