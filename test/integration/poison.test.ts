// What must never stop a partition: sent to real servers, through the normalizer and the archiver, to a verdict. Each record is an event
// or a refusal, in order, and what the broker itself refuses is said to be refused by it.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { type AuditEvent, auditEventText, avroType } from '../../schemas/index.ts';
import { codecNames, formatBatch, type RecordToWrite, varint } from '../kafka-batches.ts';
import { openRawProducer } from '../raw-produce.ts';
import { stackVariable } from '../stack.ts';
import { temporaryFolder } from '../temporary.ts';
import {
  createScene,
  encode,
  endPrograms,
  makeEvent,
  origin,
  type Program,
  readEvidence,
  type Scene,
  startProgram,
  until,
} from './normalizer-program.ts';
import { verify as verifyArchive } from './whole-way.ts';

const logPem = generatePem();
const logKey = formatVerifierKey(signerFromPem(origin, logPem).key);
const sealKey = () => formatVerifierKey(scene.key.key);
let scene: Scene;
let raw: Awaited<ReturnType<typeof openRawProducer>>;
let normalizer: Program;
let archiver: Program;

async function startAll(): Promise<void> {
  scene = await createScene(2, { TIDEMARK_PERIOD: 'PT5S', TIDEMARK_RETENTION: 'COMPLIANCE PT1H' });
  const folder = temporaryFolder();
  const file = (name: string, key: string): string => {
    writeFileSync(join(folder, name), `${key}\n`);
    return join(folder, name);
  };
  const sealKeys = file('seal.vkey', sealKey());
  [normalizer, archiver] = await Promise.all([
    startProgram({ ...scene.env, TIDEMARK_LOG_VERIFIERS: file('log.vkey', logKey) }),
    startProgram(
      {
        ...scene.env,
        TIDEMARK_GROUP: `${scene.names.group}-a`,
        TIDEMARK_LOG_KEY: logPem,
        TIDEMARK_SEAL_VERIFIERS: sealKeys,
      },
      true,
      'archiver',
    ),
  ]);
  raw = await openRawProducer(scene.kafka, scene.names.raw);
}
afterEach(async () => {
  await raw?.close();
  endPrograms();
});

const text = (bytes: string) => ({ value: Buffer.from(bytes) });
const event = (more: Partial<AuditEvent> = {}): RecordToWrite => ({ value: encode(scene.eventId, makeEvent(0, more)) });

/** An event at a time that JavaScript's numbers may not hold: behind its id, which has a byte of length. */
function at(time: bigint): RecordToWrite {
  const bytes = encode(scene.eventId, makeEvent(0, { occurredAt: 0 }));
  const idEnd = 5 + 1 + 36;
  return { value: Buffer.concat([bytes.subarray(0, idEnd), varint(time), bytes.subarray(idEnd + 1)]) };
}

/** Sends one batch and says what its records have to become. */
async function send(
  records: readonly RecordToWrite[],
  codes: (string | null)[],
  batch: Parameters<typeof formatBatch>[1] = {},
) {
  expect(await raw.send(0, formatBatch(records, { firstTimestamp: Date.now(), ...batch }))).toBe('ok');
  return codes;
}

/** A writer's schema with one more field, registered under a subject of its own. */
async function registerWith(field: object): Promise<{ id: number; encode(event: object): Buffer }> {
  const schema = JSON.parse(auditEventText);
  const writer = JSON.stringify({ ...schema, fields: [...schema.fields, field] });
  const url = `${stackVariable('SCHEMA_REGISTRY_URL')}/subjects/${scene.names.raw}-${JSON.stringify(field).length}/versions`;
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ schema: writer }) });
  const { id } = (await answer.json()) as { id: number };
  const type = avroType(writer);
  return {
    id,
    encode: value => {
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(id, 1);
      return Buffer.concat([prefix, type.toBuffer(value)]);
    },
  };
}

/** Peak of what a process held, MiB. */
function peakMiB({ child }: Program): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** Ids that no registry knows; more of them by SCHEMA_IDS=10000. */
const unknownIds = Number(process.env.SCHEMA_IDS ?? 500);
const many = 30_000;

test('nothing stops a partition, and all of it is in the archive', async () => {
  await startAll();
  let expected: (string | null)[] = [];
  const add = (codes: (string | null)[]) => {
    expected = expected.concat(codes);
  };

  for (const codec of codecNames)
    add(await send([event(), event(), { value: null }], [null, null, 'no-value'], { codec }));

  // Texts of a megabyte, and of more than its limit.
  add(await send([{ value: Buffer.alloc(1_000_000, 'x') }], ['wrong-magic']));
  add(await send([event({ reason: 'y'.repeat(1_000_000) })], ['invalid']));
  add(await send([event({ reason: 'z'.repeat(200_000) })], [null]));

  // Times.
  const year9999 = BigInt(Date.UTC(9999, 11, 31)) * 1000n;
  const inRange = [0n, 2n ** 53n - 2n];
  const negative = [-1n, 1n - 2n ** 52n, -BigInt(Date.UTC(2026)) * 1000n];
  const outOfRange = [year9999, -year9999, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n];
  add(
    await send(
      inRange.map(at),
      inRange.map(() => null),
    ),
  );
  add(
    await send(
      negative.map(at),
      negative.map(() => 'invalid'),
    ),
  );
  add(
    await send(
      outOfRange.map(at),
      outOfRange.map(() => 'out-of-range'),
    ),
  );
  add(await send([event(), event()], [null, null], { firstTimestamp: -1 }));

  // What no double is, and what is nested without end.
  const nan = await registerWith({ name: 'score', type: 'double', default: 0 });
  const withScore = (score: number) => ({ value: nan.encode({ ...makeEvent(0), score }) });
  add(await send([withScore(Number.NaN), withScore(Number.POSITIVE_INFINITY), withScore(-0)], [null, null, null]));
  const deep = { type: 'record', name: 'Deep', fields: [{ name: 'next', type: ['null', 'Deep'], default: null }] };
  const nested = await registerWith({ name: 'deep', type: ['null', deep], default: null });
  const shallow = nested.encode({ ...makeEvent(0), deep: null });
  const levels = (count: number) => ({
    value: Buffer.concat([shallow.subarray(0, -1), Buffer.alloc(count, 2), Buffer.from([0])]),
  });
  add(await send([levels(3), levels(900_000)], [null, 'undecodable']));

  // Headers by the thousand.
  const headers = (count: number, name: (n: number) => string) =>
    Array.from({ length: count }, (_, n) => [name(n), null] as const);
  add(await send([{ value: null, headers: headers(300_000, () => '') }], ['no-value']));
  add(await send([{ ...event(), headers: headers(20_000, n => `header-${n}`) }], [null]));

  // What expands: one record to 400 MB, six to 10 MB each, and records by the ten thousand.
  const nothing = Buffer.alloc(400_000_000);
  add(await send([event(), { value: nothing }, event()], [null, 'too-large', null], { codec: 'zstd' }));
  add(await send([{ value: nothing.subarray(0, 100_000_000) }], ['too-large'], { codec: 'gzip' }));
  const tens = Array.from({ length: 6 }, () => ({ value: nothing.subarray(0, 10_000_000) }));
  add(
    await send(
      tens,
      tens.map(() => 'unknown-schema'),
      { codec: 'zstd' },
    ),
  );
  const one = text('1');
  add(await send(Array<RecordToWrite>(many).fill(one), Array<string>(many).fill('wrong-magic'), { codec: 'lz4' }));

  // Ids that no registry knows.
  const id = Buffer.alloc(6);
  const ids = Array.from({ length: unknownIds }, (_, n) => {
    id.writeUInt32BE(1_000_000 + n, 1);
    return { value: Buffer.from(id) };
  });
  add(
    await send(
      ids,
      ids.map(() => 'unknown-schema'),
    ),
  );

  // Offsets that records give themselves, which a broker does not read where they come uncompressed.
  add(await send([event(), { ...event(), offsetDelta: 7 }, event()], [null, null, null]));
  add(await send([event()], [null]));
  const lag = async () => {
    const metrics = await (await fetch(`${normalizer.address()}/metrics`)).text();
    return Number(/tidemark_normalizer_lag_events\{partition="0"\} (\d+)/.exec(metrics)?.[1] ?? Number.NaN);
  };
  await until('all is normalized', async () => (await lag()) === 0, 100_000);
  expect(normalizer.log.filter(line => line.includes('partition failed'))).toEqual([]);
  const { events } = await readEvidence(scene);
  const records = events.filter(({ action }) => action !== 'audit.heartbeat');
  expect(records).toHaveLength(expected.length);
  const wrong = records.map(({ refused }, n) => ({ n, found: refused?.code ?? null, expected: expected[n] }));
  expect(wrong.filter(one => one.found !== one.expected)).toEqual([]);
  // What expands to 400 MB was never held.
  expect(peakMiB(normalizer)).toBeLessThan(700);
  expect(peakMiB(archiver)).toBeLessThan(700);

  // Archived whole, and intact.
  await until('all is archived', async () => (await verify()).counts.events >= events.length, 90_000);
  const { findings, unchecked } = await verify();
  expect({ findings, unchecked }).toEqual({ findings: [], unchecked: [] });
  expect(await Promise.all([normalizer.kill('SIGTERM'), archiver.kill('SIGTERM')])).toEqual([0, 0]);
}, 200_000);

function verify() {
  const { names } = scene;
  return verifyArchive({ names, policyText: `log ${logKey}\nquorum none\n`, sealKeysText: `${sealKey()}\n` });
}

test('what the broker refuses never becomes a record; what it takes all the same is known', async () => {
  scene = await createScene();
  raw = await openRawProducer(scene.kafka, scene.names.raw);
  const batch = formatBatch([event()]);
  const altered = Buffer.from(batch);
  altered[70] = (altered[70] ?? 0) ^ 1;
  const outOfPlace = [event(), { ...event(), offsetDelta: 7 }, event()];
  const answers = {
    'another checksum than its bytes': await raw.send(0, altered),
    'cut off': await raw.send(0, batch.subarray(0, -3)),
    'a codec that there is not': await raw.send(0, formatBatch([event()], { attributes: 5 })),
    'no zstd': await raw.send(0, formatBatch([], { codec: 'zstd', body: Buffer.from('no zstd'), count: 3 })),
    'more records than there are': await raw.send(0, formatBatch([event()], { count: 5 })),
    'a transaction marker': await raw.send(0, formatBatch([event()], { attributes: 32 })),
    'an old format': await raw.send(0, formatBatch([event()], { magic: 1 })),
    'offsets out of place, compressed': await raw.send(0, formatBatch(outOfPlace, { codec: 'zstd' })),
    'offsets out of place': await raw.send(0, formatBatch(outOfPlace)),
    'a time far off, where the broker sets it': await raw.send(0, formatBatch([event()], { firstTimestamp: 1e15 })),
  };
  expect(answers).toEqual({
    'another checksum than its bytes': 'CORRUPT_MESSAGE',
    'cut off': 'INVALID_RECORD',
    'a codec that there is not': 'UNKNOWN',
    'no zstd': 'UNKNOWN',
    'more records than there are': 'INVALID_RECORD',
    'a transaction marker': 'INVALID_RECORD',
    'an old format': 'INVALID_RECORD',
    'offsets out of place, compressed': 'UNKNOWN',
    'offsets out of place': 'ok',
    'a time far off, where the broker sets it': 'ok',
  });
});
