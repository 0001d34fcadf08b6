// The checker as a process: reads where the run left its evidence, compares, and prints what it found as JSON.
//
//   node test/faults/checker-main.ts <folder of the run> [--keep]
//
// The folder has `checker.json` (CheckerPlan), in `ledgers/` a file a producer, and `raw-<n>` with what the raw topic held in generation n, where
// it was made anew. With --keep what was read is kept there: `events.jsonl`, `archive.jsonl` and `bucket/`.

import { hash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compare, type SeenEvent } from './checker.ts';
import { type BucketPlace, BucketReader } from './checker-bucket.ts';
import { type EventFields, typeOf } from './checker-segment.ts';
import { readTopic, SchemaTexts } from './checker-topic.ts';
import { readLedger } from './ledger.ts';

export interface CheckerPlan {
  readonly brokers: readonly string[];
  readonly registry: string;
  readonly rawTopic: string;
  readonly eventsTopic: string;
  readonly generation: number;
  readonly bucket: BucketPlace;
  readonly isTopicYounger: boolean;
}

const folder = process.argv[2] ?? '';
const isKept = process.argv[3] === '--keep';
const plan = JSON.parse(readFileSync(join(folder, 'checker.json'), 'utf8')) as CheckerPlan;

function seen(fields: EventFields, datum: Buffer): SeenEvent {
  const { raw, producer } = fields;
  const attribute = (name: string): unknown => fields.attributes.find(({ key }) => key === name)?.value.text;
  const name = attribute('ledger.producer');
  const number = Number(attribute('ledger.number'));
  return {
    raw: `${raw.generation}/${raw.partition}/${raw.offset}`,
    generation: raw.generation,
    partition: raw.partition,
    offset: raw.offset,
    id: fields.id,
    action: fields.action,
    ledger: typeof name === 'string' ? { producer: name, number, key: fields.targets[0]?.id ?? '' } : null,
    numbered: producer && { instance: producer.instance, sequence: producer.sequence },
    digest: hash('sha256', datum, 'base64'),
  };
}

async function readRaw(): Promise<Map<string, { isNumbered: boolean }>> {
  const raw = new Map<string, { isNumbered: boolean }>();
  for (let generation = 0; generation < plan.generation; generation++) {
    const places = readFileSync(join(folder, `raw-${generation}`), 'utf8').split('\n');
    for (const place of places) if (place) raw.set(place, { isNumbered: true });
  }
  await readTopic(plan.brokers, plan.rawTopic, (partition, { offset, headers }) => {
    const isNumbered = headers?.['tidemark-sequence'] !== undefined;
    raw.set(`${plan.generation}/${partition}/${offset}`, { isNumbered });
  });
  return raw;
}

async function readEvents(): Promise<SeenEvent[]> {
  const texts = new SchemaTexts(plan.registry);
  const values: Buffer[] = [];
  await readTopic(plan.brokers, plan.eventsTopic, (_, { value }) => void values.push(value ?? Buffer.alloc(0)));
  const events: SeenEvent[] = [];
  for (const value of values) {
    if (value[0] !== 0 || value.length < 6) throw new Error('the events topic has a record that is no event');
    const datum = value.subarray(5);
    const { value: fields, offset } = typeOf(await texts.of(value.readUInt32BE(1))).decode(datum);
    if (offset !== datum.length) throw new Error('an event with bytes behind its end');
    events.push(seen(fields as EventFields, datum));
  }
  return events;
}

async function readArchive() {
  const reader = new BucketReader(plan.bucket);
  const versions = await reader.versions();
  const archive: SeenEvent[] = [];
  for await (const { events } of reader.events(versions)) {
    for (const { fields, datum } of events) archive.push(seen(fields, datum));
  }
  if (isKept) {
    for (const { key, versionId, isDeleteMarker } of versions) {
      const path = join(folder, 'bucket', `${key}@${versionId}`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, isDeleteMarker ? '' : await reader.read(key, versionId));
    }
  }
  reader.close();
  return { versions, archive };
}

const ledgers = readdirSync(join(folder, 'ledgers')).map(name => readLedger(join(folder, 'ledgers', name), name));
const [raw, topic, { versions, archive }] = await Promise.all([readRaw(), readEvents(), readArchive()]);
if (isKept) {
  const lines = (events: readonly SeenEvent[]): string => events.map(event => `${JSON.stringify(event)}\n`).join('');
  writeFileSync(join(folder, 'events.jsonl'), lines(topic));
  writeFileSync(join(folder, 'archive.jsonl'), lines(archive));
}
const { isTopicYounger } = plan;
const comparison = compare({ ledgers, raw, topic, archive, versions, isTopicYounger });
process.stdout.write(`${JSON.stringify(comparison, null, 2)}\n`);
