// What an event takes in the archive, against the same events as JSON lines under gzip: over GitHub's own webhook examples, mapped as the
// gateway maps them, made events as the normalizer makes them (nothing encrypted), sealed in runs, and built to a segment as the archiver
// builds it. Deliveries come in no order, each with its own ids and times.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { finish, prepare } from '../../consumers/normalizer/pipeline.ts';
import { RunBuilder, VALUE_ROOM } from '../../consumers/normalizer/run.ts';
import { makeWriter } from '../../consumers/normalizer/writer-schema.ts';
import { compressors } from '../../core/edge/compression.ts';
import { generatePem, nodeCrypto, signerFromPem } from '../../core/edge/crypto.ts';
import { chainStart } from '../../core/proof/chain.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { buildSegment, type SegmentRun } from '../../core/proof/segment.ts';
import { mapGitHubWebhook } from '../../producers/gateway/github/index.ts';
import { readInput } from '../../producers/sdk/read-input.ts';
import { type AuditEvent, auditEventText, auditRecordText, auditRecordType } from '../../schemas/index.ts';
import { type Bench, type BenchOptions, print } from './bench.ts';
import { firstMs, pick } from './chance.ts';
import { origin } from './settings.ts';
import { rawKey, rawValue } from './shapes.ts';

const promised = 0.7;
const place = { topic: 'audit.raw', generation: 0, partition: 0 };
const parts = { policy: null, services: null, actions: null, enrichers: null, ring: null };

/** A random-looking UUID, version 7, that follows from n. */
function uuid(n: number): string {
  const digits = createHash('sha256').update(`${n}`).digest('hex');
  const time = (firstMs + n * 40).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${digits.slice(0, 3)}-8${digits.slice(3, 6)}-${digits.slice(6, 18)}`;
}

type Examples = { readonly name: string; readonly examples: readonly unknown[] }[];

function deliveries(): { name: string; payload: unknown }[] {
  const folder = fileURLToPath(new URL('../../node_modules/@octokit/webhooks-examples/', import.meta.url));
  const examples = JSON.parse(readFileSync(`${folder}api.github.com/index.json`, 'utf8')) as Examples;
  const all = examples.flatMap(({ name, examples: payloads }) => payloads.map(payload => ({ name, payload })));
  return all
    .map((delivery, n) => ({ delivery, at: pick(n + 1, 1_000_000) }))
    .sort((a, b) => a.at - b.at)
    .map(({ delivery }) => delivery);
}

/** The corpus' events, so many times, each time with ids and times of its own. */
function events(repeat: number): AuditEvent[] {
  let n = 0;
  const nobody = { service: 'gateway', version: null, commit: null, environment: null, region: null, host: null };
  return Array.from({ length: repeat }, deliveries)
    .flat()
    .flatMap(({ name, payload }) =>
      mapGitHubWebhook(name, payload, { deliveryId: uuid(1_000_000 + n) }).map(input => {
        const stamps = {
          origin: nobody,
          id: () => uuid(n),
          now: () => (firstMs + n * 40) * 1000 + pick(n, 1000),
          reserved: false,
        };
        const event = readInput(input, stamps);
        n += 1;
        return { ...event, producer: { instance: uuid(-1), sequence: n, last: false, abandoned: [] } };
      }),
    );
}

/** The events as sealed runs of so many. */
function runsOf(all: readonly AuditEvent[], eventsPerRun: number): SegmentRun[] {
  const writer = makeWriter(auditEventText);
  if (typeof writer === 'string') throw new Error(writer);
  const chain = { origin, ...place, partitions: 24, schemaId: 2, schemaText: auditRecordText };
  const signer = signerFromPem(sealKeyName(origin), generatePem());
  const runs: SegmentRun[] = [];
  let end = chainStart;
  for (let at = 0; at < all.length; at += eventsPerRun) {
    const run = new RunBuilder(nodeCrypto.sha256, chain, BigInt(at));
    for (const [index, event] of all.slice(at, at + eventsPerRun).entries()) {
      const value = rawValue(1, event);
      const timestamp = Math.ceil(event.occurredAt / 1000) + 7;
      const raw = {
        offset: BigInt(at + index),
        timestamp,
        logAppendTime: true,
        key: Buffer.from(rawKey(event)),
        value,
        headers: [],
      };
      run.add(finish(prepare(raw, place, writer, timestamp * 1000 + 31_000, parts), null));
    }
    const sealed = run.seal(end, firstMs + at * 40, signer);
    end = sealed.end;
    runs.push({ sealNote: sealed.note, datums: sealed.events.map(({ value }) => value.subarray(VALUE_ROOM)) });
  }
  return runs;
}

/** Prints what a segment of these events takes; answers it as a share of the same events as JSON lines under gzip. */
function measure(all: readonly AuditEvent[]): number {
  const runs = runsOf(all, eventsPerRun);
  const segment = buildSegment(nodeCrypto.sha256, auditRecordText, runs, 'zstandard', compressors.zstandard);
  const datums = runs.flatMap(({ datums: own }) => [...own]);
  const json = Buffer.from(
    datums.map(datum => `${JSON.stringify(auditRecordType().decode(Buffer.from(datum)))}\n`).join(''),
  );
  const gzip = gzipSync(json);
  const perEvent = (bytes: number): string => (bytes / all.length).toFixed(0).padStart(5);
  const avro = datums.reduce((sum, datum) => sum + datum.length, 0);
  const seals = runs.reduce((sum, { sealNote }) => sum + sealNote.length, 0);
  print(`${all.length} events, bytes an event:`);
  print(`${perEvent(json.length)}  JSON lines, ${perEvent(gzip.length).trim()} under gzip`);
  print(`${perEvent(avro)}  Avro`);
  const within = `${perEvent(seals).trim()} of seals, ${perEvent(auditRecordText.length).trim()} of the schema's text`;
  print(`${perEvent(segment.length)}  segment: ${within}\n`);
  return segment.length / gzip.length;
}

const eventsPerRun = 100;

async function run({ repetitions = 30 }: BenchOptions): Promise<void> {
  print(`GitHub's webhook examples, once and ${repetitions} times; runs of ${eventsPerRun}\n`);
  const once = measure(events(1));
  const often = measure(events(repetitions));
  print(`once, of gzip JSON lines, is ${once.toFixed(2)}: a segment so small is half schema`);
  const verdict = often <= promised ? 'kept' : 'NOT KEPT';
  print(`${repetitions} times, of gzip JSON lines, is ${often.toFixed(2)}, promised at most ${promised}: ${verdict}`);
}

export const bench: Bench = { name: 'size', run };
