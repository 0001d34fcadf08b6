// A service of another version: writes to the raw topic by plain kafkajs and avsc, with a schema that is wider or narrower than that of today's
// SDK, both registered under FULL_TRANSITIVE as a new version has to be. Keeps a ledger as producer.ts does; a batch whose outcome is
// unknown is sent again as it is, until it is answered. Its last event says that the instance ends.
//
//   FAULTS_PRODUCER, FAULTS_LEDGER, FAULTS_RATE, FAULTS_KEYS: as in producer.ts
//   FAULTS_SCHEMA         wider: has a field more; narrower: lacks some
//   KAFKA_BROKERS, SCHEMA_REGISTRY_URL, TIDEMARK_RAW_TOPIC

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { auditEventText, avroType, openRegistry, subjectFor } from '../../schemas/index.ts';
import { writeLedger } from './ledger.ts';

const { FAULTS_PRODUCER: name = '', FAULTS_LEDGER: path = '', FAULTS_RATE: rate = '50' } = process.env;
const { KAFKA_BROKERS: brokers = '', SCHEMA_REGISTRY_URL: url = '', TIDEMARK_RAW_TOPIC: topic = '' } = process.env;
const keys = Number(process.env.FAULTS_KEYS ?? 5);

/** Fields that a narrower writer does not know; each has a default. */
const unknownToNarrow = new Set(['corrects', 'change', 'request', 'tenant']);

function otherVersion(kind: string): string {
  const schema = JSON.parse(auditEventText) as { fields: { name: string }[] };
  if (kind === 'wider')
    schema.fields.push({ name: 'mood', type: ['null', 'string'], default: null } as { name: string });
  else schema.fields = schema.fields.filter(field => !unknownToNarrow.has(field.name));
  return JSON.stringify(schema);
}

async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      console.error(String(error));
      await delay(300);
    }
  }
}

const text = otherVersion(process.env.FAULTS_SCHEMA ?? 'wider');
const type = avroType(text);
const registry = openRegistry({ url });
const prefix = Buffer.alloc(5);
prefix.writeUInt32BE(await untilAnswered(() => registry.register(subjectFor(topic), text)), 1);
const ledger = writeLedger(path);
const instance = randomUUID();
ledger.instance(instance);

function message(number: number, last: boolean): kafkajs.Message {
  const key = `${name}-${number % keys}`;
  ledger.trying(number, key);
  const value = (valueType: string, content: string) => ({ type: valueType, text: content });
  const attribute = (attributeKey: string, content: object) => ({ key: attributeKey, value: content });
  const event = {
    id: randomUUID(),
    occurredAt: Date.now() * 1000,
    action: 'order.create',
    targets: [{ type: 'order', id: key, name: null, person: false, changes: [] }],
    outcome: 'success',
    tenant: null,
    actor: null,
    origin: null,
    producer: { instance, sequence: number, last, abandoned: [] },
    request: null,
    change: null,
    reason: null,
    corrects: null,
    attributes: [
      attribute('ledger.producer', value('string', name)),
      attribute('ledger.number', value('integer', `${number}`)),
    ],
    mood: 'curious',
  };
  const headers = { 'tidemark-instance': instance, 'tidemark-sequence': `${number}` };
  return { key: `order/${key}`, value: Buffer.concat([prefix, type.toBuffer(event)]), headers };
}

const kafka = new kafkajs.Kafka({ brokers: brokers.split(','), clientId: name, logLevel: kafkajs.logLevel.NOTHING });

/**
 * A producer for each try: what an old one knows of sequence numbers is no longer certain after an error. A partition at a time, and its answer
 * looked at: where a leader moves while it sends to several, kafkajs resolves without the records of some.
 */
async function sendOnce(messages: kafkajs.Message[]): Promise<void> {
  const { DefaultPartitioner: createPartitioner } = kafkajs.Partitioners;
  const retry = { retries: 3, initialRetryTime: 100 };
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner, retry });
  try {
    await producer.connect();
    for (const ofKey of Map.groupBy(messages, ({ key }) => `${key}`).values()) {
      const written = await producer.send({ topic, acks: -1, messages: ofKey });
      if (written.length !== 1 || written[0]?.errorCode !== 0)
        throw new Error('kafkajs does not say that it was written');
    }
  } finally {
    await producer.disconnect().catch(() => {});
  }
}

let isStopping = false;
process.once('SIGTERM', () => {
  isStopping = true;
});
const tickMs = 500;
for (let next = 0, isLast = false; !isLast; ) {
  isLast = isStopping;
  const count = Math.max(1, Math.floor((Number(rate) * tickMs) / 1000));
  const numbers = Array.from({ length: count }, (_, index) => next + index);
  next += count;
  const messages = numbers.map(number => message(number, isLast && number === next - 1));
  await untilAnswered(() => sendOnce(messages));
  for (const number of numbers) ledger.settled(number, 'acknowledged');
  await delay(tickMs);
}
ledger.ended();
