// What each part of the normalizer costs. Its pure way (decide, policy, enrich, seal, encode, leaf) over the same records
// with each part on and off, in one process: repetitions are interleaved, so that what else the machine does hits all alike, and told
// as ratios of medians. Keys are in memory: fetching them costs the store's time, and none of this program's.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { ChangeHistory } from '../../consumers/normalizer/enrich/change-history.ts';
import { openEnrichers } from '../../consumers/normalizer/enrich/index.ts';
import { createLiveChange } from '../../consumers/normalizer/enrich/live-change.ts';
import { finish, type Parts, prepare } from '../../consumers/normalizer/pipeline.ts';
import { parsePolicyFile } from '../../consumers/normalizer/policy/index.ts';
import { RunBuilder } from '../../consumers/normalizer/run.ts';
import { makeWriter } from '../../consumers/normalizer/writer-schema.ts';
import { nodeCrypto } from '../../core/edge/crypto.ts';
import { createKafka, type FetchedRecord } from '../../core/edge/kafka/index.ts';
import { type DataKey, type KeyOwner, type KeyRing, memoryKeyRing, ownerName } from '../../core/envelope/index.ts';
import { parseDuration } from '../../core/proof/period.ts';
import { auditEventText, auditRecordText } from '../../schemas/index.ts';
import { type Bench, type BenchOptions, print } from './bench.ts';
import { benchRecords, catalogueText, peopleText, policyText, type Shape, shapes } from './shapes.ts';
import { formatVerdict, interleave, median, pairedRatios } from './statistics.ts';

/** As large as the normalizer's. */
const runBytes = 3_000_000;
const warmUps = 2;
/** All on against all off: what the project promises. */
const promised = 0.6;

const place = { topic: 'audit.raw', generation: 0, partition: 0 };
const chain = {
  origin: 'bench.example/audit',
  ...place,
  partitions: 1,
  schemaId: 2,
  schemaText: auditRecordText,
};
const found = makeWriter(auditEventText);
if (typeof found === 'string') throw new Error(found);
const writer = found;

/** Milliseconds of CPU that this process has taken, its collector of garbage included: others on the machine do not count. */
const cpuTime = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Runs of all records, each finished before the next, as the normalizer does it; answers its milliseconds. */
function measure(records: readonly FetchedRecord[], parts: Parts): number {
  const began = cpuTime();
  let run = new RunBuilder(nodeCrypto.sha256, chain, 0n);
  for (const raw of records) {
    run.add(finish(prepare(raw, place, writer, Date.now() * 1000, parts), parts.ring));
    if (run.bytes >= runBytes) run = new RunBuilder(nodeCrypto.sha256, chain, run.next);
  }
  return cpuTime() - began;
}

/** The enrichers as the normalizer opens them; the live change from a history instead of a topic. */
async function openAll(folder: string): Promise<NonNullable<Parts['enrichers']> & { close(): Promise<void> }> {
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const log = pino({ level: 'silent' });
  const opened = await openEnrichers(
    {
      geoip: 'default',
      catalogue: file('catalogue.yaml', catalogueText()),
      people: file('people.csv', peopleText()),
      changesTopic: null,
      clockTolerance: parseDuration('PT1H'),
    },
    {
      kafka: createKafka({ brokers: ['127.0.0.1:1'], tls: null, sasl: null }, log, 'bench'),
      log,
      registry: new Registry(),
    },
  );
  const live = createLiveChange(new ChangeHistory());
  return {
    enrich: record => {
      const enriched = opened.enrich(record);
      return { ...enriched, enrichment: [...enriched.enrichment, ...live.enrich(enriched)] };
    },
    seen: opened.seen,
    close: opened.close,
  };
}

/** As the ring over the store has its keys: found by their owner's name. */
function cachedRing(): KeyRing {
  const keys = new Map<string, DataKey>();
  const made = memoryKeyRing();
  const keyOf = (owner: KeyOwner): DataKey => {
    const name = ownerName(owner);
    const key = keys.get(name) ?? made.keyOf(owner);
    keys.set(name, key);
    return key;
  };
  return { prepare: async () => {}, holds: () => true, keyOf };
}

async function run(options: BenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const enrichers = await openAll(folder);
  try {
    for (const shape of shapes) await runShape(shape, options, variantsOf(enrichers));
  } finally {
    await enrichers.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runShape(shape: Shape, options: BenchOptions, variants: ReturnType<typeof variantsOf>): Promise<void> {
  const { repetitions = 9, events = 20_000 } = options;
  const records = benchRecords(shape, events);
  const cases = new Map<string, () => Promise<number>>();
  for (const [name, parts] of variants) {
    if (options.cases.length > 0 && !options.cases.includes(name)) continue;
    cases.set(name, async () => measure(records, parts));
  }
  tell(shape, await interleave(cases, repetitions, warmUps), records, repetitions);
}

function variantsOf(enrichers: NonNullable<Parts['enrichers']>): readonly (readonly [string, Parts])[] {
  const own = parsePolicyFile(policyText);
  const policy = () => own;
  const ring = cachedRing();
  const off: Parts = { policy: null, services: null, actions: null, enrichers: null, ring: null };
  return [
    ['all off', off],
    ['policy', { ...off, policy }],
    ['enrichment', { ...off, enrichers }],
    ['encryption', { ...off, ring }],
    ['all on', { policy, services: null, actions: null, enrichers, ring }],
  ];
}

function tell(
  shape: Shape,
  times: ReadonlyMap<string, readonly number[]>,
  records: readonly FetchedRecord[],
  repetitions: number,
): void {
  const base = times.get('all off') ?? [];
  const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0) / records.length;
  print(
    `${shape.about}: ${records.length} events of ${Math.round(bytes)} bytes, medians of ${repetitions} repetitions\n`,
  );
  for (const [name, own] of times) {
    const micros = (median(own) / records.length) * 1000;
    const ratio = median(pairedRatios(base, own));
    print(`${name.padEnd(12)} ${micros.toFixed(1).padStart(6)} µs an event  ${ratio.toFixed(2)} of all off`);
  }
  const ratio = median(pairedRatios(base, times.get('all on') ?? []));
  print(`\n${formatVerdict('all on, of all off,', ratio, promised)}\n`);
}

export const bench: Bench = { name: 'parts', run };
