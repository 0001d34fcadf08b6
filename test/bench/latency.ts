// How long an event takes from its append in the raw topic to where a reader of committed records finds it sealed in the events topic, at
// half of what the normalizer can do: measured first, over a backlog, with all parts on.

import { setTimeout as delay } from 'node:timers/promises';
import type { Producer } from 'kafkajs';
import { FetchClient } from '../../core/edge/kafka/index.ts';
import { auditRecordType } from '../../schemas/index.ts';
import { type Bench, type BenchOptions, print } from './bench.ts';
import { type Pipeline, startPipeline } from './pipeline.ts';
import { variants } from './settings.ts';
import { deployments, rawKey, rawValue, shapes } from './shapes.ts';
import { quantile } from './statistics.ts';
import { ratesOf } from './topics.ts';

const seconds = 15;
const tickMs = 10;
const promisedMs = 250;
/** Of the events, so many are looked at: reading all would take what the normalizer needs. */
const sampled = 8;
/** Not counted: what compilers have yet to learn of a load like this. */
const warmUpSeconds = 5;

interface Reading {
  /** Milliseconds from append to being read, of the sample. */
  readonly latencies: number[];
  stop(): Promise<void>;
}

/** Reads the events topic from its end on as it is committed. */
async function readOn({ topics, events }: Pipeline): Promise<Reading> {
  const client = new FetchClient(topics.kafka);
  await client.prepare(events);
  let { stable: position } = await client.offsets(events, 0);
  const latencies: number[] = [];
  let stopped = false;
  const loop = (async () => {
    while (!stopped) {
      const batch = await client.fetchOne(events, 0, position, { maxWaitMs: 100 });
      const now = Date.now();
      if (!batch) continue;
      position = batch.next;
      for (let at = 0; at < batch.records.length; at += sampled) {
        const value = batch.records[at]?.value;
        if (value) latencies.push(now - auditRecordType().decode(value.subarray(5)).received.at / 1000);
      }
    }
  })();
  const stop = async () => {
    stopped = true;
    await loop;
    await client.close();
  };
  return { latencies, stop };
}

/** Well below the topic's `max.message.bytes`: after a pause of the machine much is due at once. */
const mostPerSend = 1000;

/** Appends events at an even pace, as many services would together. */
async function append(
  producer: Producer,
  { raw, schemaId }: Pipeline,
  perSecond: number,
  forMs: number,
): Promise<number> {
  const values = Array.from({ length: 20_000 }, (_, n) => {
    const event = shapes[0].eventOf(n);
    return { partition: 0, key: rawKey(event), value: rawValue(schemaId, event) };
  });
  const began = performance.now();
  let sent = 0;
  for (let now = 0; now < forMs; now = performance.now() - began) {
    const due = Math.floor((now * perSecond) / 1000);
    const messages = [];
    for (; sent < due && messages.length < mostPerSend; sent++) {
      const message = values[sent % values.length];
      if (message) messages.push(message);
    }
    if (messages.length > 0) await producer.send({ topic: raw, acks: -1, messages });
    await delay(tickMs);
  }
  return sent / (forMs / 1000);
}

async function run({ events = 60_000, profiles }: BenchOptions): Promise<void> {
  const backlog = [...deployments(), ...Array.from({ length: events }, (_, n) => shapes[0].eventOf(n))];
  const pipeline = await startPipeline({ partitions: 1, parts: variants['all on'], profiles, backlog });
  const { topics } = pipeline;
  const producer = topics.kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  try {
    await producer.connect();
    const check = () => {
      pipeline.normalizer.checkRuns();
      pipeline.archiver.checkRuns();
    };
    const { warm } = await ratesOf(topics.kafka, pipeline.events, backlog.length, Math.floor(events / 2), check);
    const half = Math.floor(warm / 2);
    await append(producer, pipeline, half, warmUpSeconds * 1000);
    await delay(1000);
    const reading = await readOn(pipeline);
    const rate = await append(producer, pipeline, half, seconds * 1000);
    await delay(1000);
    await reading.stop();
    tell(reading.latencies, Math.round(rate), Math.round(warm));
  } finally {
    await producer.disconnect();
    await pipeline.close();
  }
}

function tell(latencies: readonly number[], rate: number, most: number): void {
  print(
    `${shapes[0].about}: ${rate} events/s for ${seconds} s, of ${most} at most; all on; the archiver runs beside\n`,
  );
  const [p50, p99, worst] = [0.5, 0.99, 1].map(share => Math.round(quantile(latencies, share)));
  print(`p50 ${p50} ms, p99 ${p99} ms, most ${worst} ms, of ${latencies.length} events looked at`);
  const verdict = (p99 ?? Number.NaN) < promisedMs ? 'kept' : 'NOT KEPT';
  print(`\np99 is ${p99} ms, promised under ${promisedMs}: ${verdict}`);
}

export const bench: Bench = { name: 'latency', run };
