// What `record` costs its caller: the processor time of a process that records events, beyond that of one that sends the same bytes with
// bare kafkajs in the same batches. Both in this process, in turn; everything counts, also what the collector and the sockets take.

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { type AuditInput, type Auditor, createAuditor } from '../../producers/sdk/index.ts';
import { auditEventText, openRegistry, subjectFor } from '../../schemas/index.ts';
import { type Bench, type BenchOptions, print } from './bench.ts';
import { collectGarbage } from './garbage.ts';
import { rawKey, rawValue, shapes } from './shapes.ts';
import { interleave, median } from './statistics.ts';
import { openTopics } from './topics.ts';

/** Recorded together, and then awaited: a busy service's requests of a moment. */
const together = 250;
const promisedMicros = 15;

/** An order's event as a service says it: what the SDK stamps is left out, and what is null. */
function inputOf(n: number): AuditInput {
  const { action, actor, targets, request } = shapes[0].eventOf(n);
  const [target] = targets;
  return {
    action,
    actor: {
      kind: 'human',
      id: actor?.id ?? '',
      name: String(actor?.name),
      email: String(actor?.email),
      roles: actor?.roles ?? [],
      session: String(actor?.session),
    },
    target: { type: 'order', id: target?.id ?? '', changes: [{ field: 'refundedCents', before: 0, after: 500 + n }] },
    request: {
      id: request?.id ?? undefined,
      traceParent: request?.traceParent ?? undefined,
      clientAddress: String(request?.clientAddress),
      userAgent: String(request?.userAgent),
    },
  };
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function recordAll(auditor: Auditor, inputs: readonly AuditInput[]): Promise<number> {
  collectGarbage();
  const began = cpuMicros();
  for (let at = 0; at < inputs.length; at += together) {
    const recorded: Promise<string>[] = [];
    for (const input of inputs.slice(at, at + together)) recorded.push(auditor.record(input));
    await Promise.all(recorded);
  }
  return (cpuMicros() - began) / inputs.length;
}

interface Ready {
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

async function sendAll(producer: Producer, topic: string, all: readonly Ready[]): Promise<number> {
  collectGarbage();
  const began = cpuMicros();
  for (let at = 0; at < all.length; at += together) {
    const messages = all
      .slice(at, at + together)
      .map(({ key, value, headers }) => ({ partition: 0, key, value, headers: { ...headers } }));
    await producer.send({ topic, acks: -1, messages });
  }
  return (cpuMicros() - began) / all.length;
}

function readyOf(n: number, schemaId: number, instance: string): Ready {
  const event = shapes[0].eventOf(n);
  const headers = { 'tidemark-instance': instance, 'tidemark-sequence': `${n}` };
  return { key: rawKey(event), value: rawValue(schemaId, event), headers };
}

async function run({ repetitions = 11, events = 5_000, profiles }: BenchOptions): Promise<void> {
  const topics = await openTopics();
  const topic = `raw-record-${randomUUID().slice(0, 8)}`;
  await topics.create(topic);
  const url = process.env.SCHEMA_REGISTRY_URL ?? '';
  const schemaId = await openRegistry({ url }).register(subjectFor(topic), auditEventText);
  // The origin of the events that are sent bare, so that both are of one size.
  const { origin } = shapes[0].eventOf(0);
  const auditor = createAuditor({
    service: origin?.service,
    version: origin?.version ?? undefined,
    commit: origin?.commit ?? undefined,
    environment: origin?.environment ?? undefined,
    region: origin?.region ?? undefined,
    host: origin?.host ?? undefined,
    topic,
  });
  const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
  const kafka = new Kafka({ brokers, clientId: 'bench-bare', logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  try {
    const inputs = Array.from({ length: events }, (_, n) => inputOf(n));
    const ready = Array.from({ length: events }, (_, n) => readyOf(n, schemaId, auditor.instance));
    const cases = new Map([
      ['bare send', () => sendAll(producer, topic, ready)],
      ['record', () => recordAll(auditor, inputs)],
    ]);
    await interleave(cases, 3);
    const session = profiles === undefined ? undefined : await startProfile();
    const figures = await interleave(cases, repetitions);
    if (session && profiles !== undefined) await endProfile(session, join(profiles, 'record.cpuprofile'));
    tell(figures, events, repetitions);
  } finally {
    await Promise.all([auditor.close(), producer.disconnect(), topics.close()]);
  }
}

function tell(figures: ReadonlyMap<string, readonly number[]>, events: number, repetitions: number): void {
  const [bare = [], own = []] = ['bare send', 'record'].map(name => figures.get(name) ?? []);
  print(`${shapes[0].about}: ${repetitions} times ${events} events, ${together} at a time, µs of CPU an event\n`);
  for (const [name, micros] of figures) {
    const [least, most] = [Math.min(...micros), Math.max(...micros)].map(value => value.toFixed(1));
    print(`${name.padEnd(10)} ${median(micros).toFixed(1).padStart(5)} (${least} to ${most})`);
  }
  const beyond = median(own.map((micros, at) => micros - (bare[at] ?? Number.NaN)));
  const verdict = beyond < promisedMicros ? 'kept' : 'NOT KEPT';
  print(`\nrecord beyond the bare send is ${beyond.toFixed(1)} µs, promised under ${promisedMicros}: ${verdict}`);
}

async function startProfile(): Promise<Session> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  return session;
}

async function endProfile(session: Session, file: string): Promise<void> {
  const { profile } = await session.post('Profiler.stop');
  writeFileSync(file, JSON.stringify(profile));
  session.disconnect();
}

export const bench: Bench = { name: 'record', run };
