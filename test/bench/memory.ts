// Memory of the normalizer and of the archiver over many events: as many as `--events` says (10 million is what was promised), in four
// partitions, as fast as they go through. The broker keeps some of them only, so that a disk of any size will do.

import { setTimeout as delay } from 'node:timers/promises';
import { FetchClient } from '../../core/edge/kafka/index.ts';
import { type Bench, type BenchOptions, print } from './bench.ts';
import { type Pipeline, startPipeline } from './pipeline.ts';
import { residentMiB } from './program.ts';
import { variants } from './settings.ts';
import { deployments, rawKey, rawValue, shapes } from './shapes.ts';
import { median } from './statistics.ts';

const partitions = 4;
const retentionBytes = 256 << 20;
const recordsPerSend = 500;
/** Records that may wait for the normalizer: far fewer than the broker keeps. */
const maxLag = 100_000;
const parts = 10;
const promisedMiB = 400;

interface Sample {
  readonly events: number;
  readonly normalizer: number;
  readonly archiver: number;
}

async function endsOf(client: FetchClient, topic: string): Promise<number> {
  await client.prepare(topic);
  const ends = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => client.offsets(topic, partition)),
  );
  return ends.reduce((sum, { stable }) => sum + Number(stable), 0);
}

/** Sends until so many are sent, over all partitions, and takes samples as events come out. */
async function pump(pipeline: Pipeline, count: number): Promise<Sample[]> {
  const { topics, raw, events, schemaId, normalizer, archiver } = pipeline;
  const client = new FetchClient(topics.kafka);
  const producer = topics.kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const all = [...deployments(), ...Array.from({ length: 20_000 }, (_, n) => shapes[0].eventOf(n))];
  const values = all.map(event => ({ key: rawKey(event), value: rawValue(schemaId, event) }));
  const samples: Sample[] = [];
  let sent = 0;
  let sampledAt = 0;
  for (let done = 0; done < count; ) {
    normalizer.checkRuns();
    archiver.checkRuns();
    done = await endsOf(client, events);
    if (Date.now() - sampledAt > 1000) {
      sampledAt = Date.now();
      samples.push({ events: done, normalizer: residentMiB(normalizer.pid), archiver: residentMiB(archiver.pid) });
    }
    if (sent - done > maxLag || sent >= count) {
      await delay(100);
      continue;
    }
    for (let n = 0; n < 20 && sent < count; n++) {
      const partition = n % partitions;
      const messages = Array.from({ length: recordsPerSend }, (_, at) => {
        const { key = '', value = null } = values[(sent + at) % values.length] ?? {};
        return { partition, key, value };
      });
      await producer.send({ topic: raw, acks: -1, messages });
      sent += recordsPerSend;
    }
  }
  await Promise.all([producer.disconnect(), client.close()]);
  return samples;
}

async function run({ events = 200_000, profiles }: BenchOptions): Promise<void> {
  const pipeline = await startPipeline({ partitions, parts: variants['all on'], profiles, retentionBytes });
  const began = performance.now();
  try {
    const samples = await pump(pipeline, events);
    tell(samples, events, (performance.now() - began) / 1000);
  } finally {
    await pipeline.close();
  }
}

function tell(samples: readonly Sample[], events: number, seconds: number): void {
  const rate = Math.round(events / seconds).toLocaleString('en');
  print(
    `${shapes[0].about}: ${events.toLocaleString('en')} events, ${partitions} partitions, all on, ${rate}/s in all\n`,
  );
  print('   events  normalizer MiB  archiver MiB   (medians of each tenth)');
  for (let part = 0; part < parts; part++) {
    const within = samples.filter(one => Math.min(parts - 1, Math.floor((one.events / events) * parts)) === part);
    const own = (name: 'normalizer' | 'archiver') => median(within.map(one => one[name])).toFixed(0);
    const upTo = ((events * (part + 1)) / parts).toLocaleString('en');
    print(`${upTo.padStart(11)} ${own('normalizer').padStart(12)} ${own('archiver').padStart(13)}`);
  }
  print();
  for (const name of ['normalizer', 'archiver'] as const) {
    const most = Math.max(...samples.map(one => one[name]));
    const verdict = most < promisedMiB ? 'kept' : 'NOT KEPT';
    print(`${name}: at most ${most.toFixed(0)} MiB, promised under ${promisedMiB}: ${verdict}`);
  }
}

export const bench: Bench = { name: 'memory', run };
