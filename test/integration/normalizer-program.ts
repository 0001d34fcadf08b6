// What the tests of the normalizer share: the program as a process, raw records to feed it, and its output read and checked as a
// stranger would: a plain READ_COMMITTED consumer, and the rules of core/proof.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { pino } from 'pino';
import { generatePem, nodeCrypto, signerFromPem } from '../../core/edge/crypto.ts';
import { createKafka } from '../../core/edge/kafka/index.ts';
import { type ChainEnd, chainAfter, chainStart, joinSeal } from '../../core/proof/chain.ts';
import { leafHash, treeRoot } from '../../core/proof/merkle.ts';
import { openNote, type Signer, type VerifierKey } from '../../core/proof/note.ts';
import { parseSeal, SEAL_HEADER, type Seal, sealHash, sealKeyName } from '../../core/proof/seal.ts';
import {
  type AuditEvent,
  type AuditRecord,
  auditEventText,
  auditEventType,
  auditRecordType,
  openRegistry,
  subjectFor,
} from '../../schemas/index.ts';
import { createFresh, type FreshNames, stackEnv, stackVariable } from '../stack.ts';

export const origin = 'test.example/normalizer-test';
export const silent = pino({ level: process.env.LOG_LEVEL ?? 'silent' });

export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${ms / 1000} s: ${what}`);
    await delay(25);
  }
}

export interface Scene {
  readonly names: FreshNames;
  readonly kafka: Kafka;
  readonly env: Record<string, string>;
  /** Id of AuditEvent at the registry. */
  readonly eventId: number;
  readonly key: Signer;
  /** Keys that seals are checked against: `key`, unless others are named. */
  readonly verifiers?: readonly VerifierKey[];
}

/** Personal data as it came, so that a test sees all of an event. */
export const inClear = { TIDEMARK_ENCRYPTION: 'off', TIDEMARK_CLEAR_FOR_EVER: 'yes' };

/** Fresh topics, a key, the raw schema registered, and the settings of a normalizer for them. */
export async function createScene(partitions = 1, more: Record<string, string> = {}): Promise<Scene> {
  const brokers = more.KAFKA_BROKERS ?? stackVariable('KAFKA_BROKERS');
  const names = await createFresh(partitions, brokers);
  const pem = generatePem();
  const kafka = createKafka({ brokers: brokers.split(','), tls: null, sasl: null }, silent, 'test');
  const registry = openRegistry({ url: stackVariable('SCHEMA_REGISTRY_URL') });
  const eventId = await registry.register(subjectFor(names.raw), auditEventText);
  const env = {
    ...stackEnv(),
    S3_BUCKET: names.bucket,
    S3_PREFIX: names.prefix,
    TIDEMARK_ORIGIN: origin,
    TIDEMARK_RAW_TOPIC: names.raw,
    TIDEMARK_EVENTS_TOPIC: names.events,
    TIDEMARK_GROUP: names.group,
    TIDEMARK_SEAL_KEY: pem,
    ...inClear,
    TIDEMARK_CHANGES_TOPIC: 'off',
    TIDEMARK_PERIOD: 'P20D', // so that no heartbeat comes in between
    TIDEMARK_LOG_LEVEL: 'info',
    ...more,
  };
  return { names, kafka, env, eventId, key: signerFromPem(sealKeyName(origin), pem) };
}

export interface Program {
  readonly child: ChildProcess;
  readonly log: string[];
  /** Address of its HTTP server, once it has one. */
  address(): string;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

const programs = new Set<ChildProcess>();

/** Starts the normalizer (or the archiver) as a process and waits until it is ready; or, for `ready: false`, returns at once. */
export async function startProgram(
  env: Record<string, string>,
  ready = true,
  name: 'normalizer' | 'archiver' = 'normalizer',
): Promise<Program> {
  const main = new URL(`../../consumers/${name}/main.ts`, import.meta.url).pathname;
  const child = spawn(process.execPath, [main], { env: { PATH: process.env.PATH ?? '', ...env } });
  programs.add(child);
  const log: string[] = [];
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', line => void log.push(line));
  const exited = new Promise<number | null>(resolve => {
    child.on('exit', code => {
      programs.delete(child);
      resolve(code);
    });
  });
  const program: Program = {
    child,
    log,
    address: () => {
      const line = log.find(one => one.includes('serving /livez'));
      return `http://127.0.0.1:${line === undefined ? 0 : JSON.parse(line).port}`;
    },
    kill: async signal => {
      child.kill(signal);
      return exited;
    },
  };
  if (ready) {
    await until(`the ${name} is ready`, async () => {
      if (child.exitCode !== null) throw new Error(`it ended:\n${log.join('\n')}`);
      if (!log.some(line => line.includes('serving /livez'))) return false;
      return (await fetch(`${program.address()}/readyz`)).ok;
    });
  }
  return program;
}

/** Ends what a failed test has left. */
export function endPrograms(): void {
  for (const child of programs) child.kill('SIGKILL');
}

export function makeEvent(sequence: number, more: Partial<AuditEvent> = {}): AuditEvent {
  return {
    id: randomUUID(),
    occurredAt: Date.now() * 1000,
    action: 'account.close',
    outcome: 'success',
    tenant: null,
    actor: null,
    targets: [{ type: 'account', id: `${sequence}`, name: null, person: false, changes: [] }],
    origin: null,
    producer: null,
    request: null,
    change: null,
    reason: null,
    corrects: null,
    attributes: [],
    ...more,
  };
}

export function encode(schemaId: number, event: AuditEvent): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(schemaId, 1);
  return Buffer.concat([prefix, auditEventType().encode(event)]);
}

/** Sends values into a partition of the raw topic. */
export async function send(
  { kafka, names }: Scene,
  values: (Buffer | null)[],
  partition = 0,
  headers: Record<string, string> = {},
): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  const messages = values.map(value => ({ key: 'k', value, partition, headers }));
  await producer.send({ topic: names.raw, messages });
  await producer.disconnect();
}

/** Waits until a partition has so many events. */
export function eventually(scene: Scene, count: number, partition = 0): Promise<void> {
  return until(`${count} events`, async () => (await readEvidence(scene, partition)).events.length >= count);
}

export interface Evidence {
  readonly events: AuditRecord[];
  readonly seals: Seal[];
  /** As segments are built of. */
  readonly runs: { sealNote: Buffer; datums: Buffer[] }[];
  readonly end: ChainEnd;
}

/** All committed events of a partition, with a check of each run and of each join; by kafkajs' own consumer. */
export async function readEvidence(scene: Scene, partition = 0, start = chainStart): Promise<Evidence> {
  const { names, key, verifiers = [key.key] } = scene;
  const events: AuditRecord[] = [];
  const seals: Seal[] = [];
  const runs: Evidence['runs'] = [];
  let end = start;
  let run: Buffer[] = [];
  for (const { value, headers } of await consume(scene, partition)) {
    if (!value) throw new Error('an event without a value');
    const datum = value.subarray(5);
    run.push(datum);
    const header = headers?.[SEAL_HEADER];
    if (!header) continue;
    const { text } = openNote(nodeCrypto, header as Buffer, verifiers);
    const seal = parseSeal(text);
    const join = joinSeal(nodeCrypto.sha256, end, seal);
    if (!join.joins) throw new Error(`seal ${seals.length} of ${partition} does not join: ${join.why}`);
    const root = treeRoot(
      nodeCrypto.sha256,
      run.map(leaf => leafHash(nodeCrypto.sha256, leaf)),
    );
    if (!Buffer.from(seal.root).equals(root) || seal.events !== run.length)
      throw new Error('the seal is of another run');
    const records = run.map(one => auditRecordType().decode(one));
    let next = Number(seal.first);
    for (const { raw } of records) {
      if (raw.offset < next || raw.offset >= Number(seal.next))
        throw new Error(`raw offset ${raw.offset} out of place`);
      if (raw.topic !== names.raw || raw.partition !== partition) throw new Error('an event of another partition');
      next = raw.offset + 1;
    }
    events.push(...records);
    seals.push(seal);
    runs.push({ sealNote: header as Buffer, datums: run });
    end = chainAfter(seal, sealHash(nodeCrypto.sha256, text));
    run = [];
  }
  if (run.length > 0) throw new Error(`${run.length} events without a seal`);
  return { events, seals, runs, end };
}

type ConsumedMessage = { value: Buffer | null; headers?: Record<string, unknown> };

async function consume({ kafka, names }: Scene, partition: number): Promise<ConsumedMessage[]> {
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(names.events);
  await admin.disconnect();
  const stable = BigInt(offsets.find(one => one.partition === partition)?.high ?? 0);
  const messages: ConsumedMessage[] = [];
  if (stable === 0n) return messages;
  const consumer = kafka.consumer({ groupId: `reader-${randomUUID()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [names.events], fromBeginning: true });
  let position = 0n;
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.partition === partition) position = BigInt(payload.lastOffset) + 1n;
  });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      // Behind it, a fetch may end within a run.
      const within = batch.messages.filter(({ offset }) => BigInt(offset) < stable);
      if (batch.partition === partition) messages.push(...within);
    },
  });
  await until('all is read', () => position >= stable);
  await consumer.disconnect();
  return messages;
}
