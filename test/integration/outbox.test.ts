// The outbox on a real PostgreSQL and a real Kafka: what is committed is published, once and in order, whoever dies.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ConfigResourceTypes } from 'kafkajs';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createKafka } from '../../core/edge/kafka/index.ts';
import { createOutbox, outboxTable, relayOutbox } from '../../producers/sdk/outbox/index.ts';
import { numberRows } from '../../producers/sdk/outbox/rows.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { createFresh, stackEnv, stackVariable } from '../stack.ts';
import { launcher, tidemark } from '../unit/cli/command.ts';
import { silent, until } from './normalizer-program.ts';
import { readRaw } from './sdk-topic.ts';

let postgres: Postgres;
let client: pg.Client;
let topic: string;
beforeAll(async () => {
  postgres = await startPostgres();
  client = await postgres.connect();
});
afterAll(() => postgres.close());
beforeEach(async () => {
  topic = (await createFresh(2)).raw;
  await client.query('DROP TABLE IF EXISTS tidemark_outbox, tidemark_outbox_instance');
  for (const _ of ['made', 'made again']) await client.query(outboxTable());
});

const outbox = createOutbox({ service: 'accounts' });
const event = (id: string) => ({ action: 'account.close', target: { type: 'account', id } });
const left = async (): Promise<number> => (await client.query('SELECT FROM tidemark_outbox')).rows.length;

async function inTransaction(work: (client: pg.Client) => Promise<unknown>, end = 'COMMIT'): Promise<void> {
  await client.query('BEGIN');
  await work(client);
  await client.query(end);
}

/** Relays until the table has so many rows left, and it was told enough; answers what it was told. */
async function relayUntil(
  rows: number,
  deliveryTimeoutMs = 60_000,
  isEnough: (told: readonly string[]) => boolean = () => true,
): Promise<string[]> {
  const problems: string[] = [];
  const ended = new AbortController();
  const running = relayOutbox({
    client: await postgres.connect(),
    auditor: {
      service: 'accounts',
      brokers: stackEnv().KAFKA_BROKERS,
      registry: stackEnv().SCHEMA_REGISTRY_URL,
      topic,
      deliveryTimeoutMs,
    },
    signal: ended.signal,
    pollMs: 20,
    onProblem: text => problems.push(text),
  });
  try {
    await Promise.race([
      until(`${rows} rows are left`, async () => (await left()) === rows && isEnough(problems)),
      running,
    ]);
  } finally {
    ended.abort();
    await running;
  }
  return problems;
}

/** The relay as a program; `active` resolves when it publishes. */
function startRelay(): { child: ChildProcess; active: Promise<void>; exit: Promise<number | null> } {
  const env = { ...process.env, ...stackEnv(), DATABASE_URL: postgres.url, TIDEMARK_RAW_TOPIC: topic };
  const child = spawn(process.execPath, [launcher, 'outbox', 'relay'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const exit = new Promise<number | null>(resolve => child.on('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  const said: string[] = [];
  const active = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', line => {
      said.push(line);
      if (line === 'publishing') resolve();
    });
    void exit.then(() => reject(new Error(`the relay ended: ${said.join('\n')}`)));
  });
  active.catch(() => undefined);
  return { child, active, exit };
}

test('what is rolled back leaves nothing; what is committed is published in the order of its transactions', async () => {
  await inTransaction(own => outbox.record(own, event('rolled-back')), 'ROLLBACK');
  const early = await postgres.connect();
  await early.query('BEGIN');
  await outbox.record(early, event('early'));
  const ids: string[] = [];
  await inTransaction(async own => {
    for (const id of ['late-1', 'late-2']) ids.push(await outbox.record(own, event(id)));
  });
  // An earlier transaction is open: what is behind it waits, though it is committed.
  expect(await numberRows(client, 100)).toEqual({ numbered: 0, aside: [] });
  await early.query('COMMIT');
  await relayUntil(0);
  const records = await readRaw(topic, 3);
  const inOrder = records.toSorted((a, b) => (a.event.producer?.sequence ?? 0) - (b.event.producer?.sequence ?? 0));
  expect(inOrder.map(({ event: { targets } }) => targets[0]?.id)).toEqual(['early', 'late-1', 'late-2']);
  expect(inOrder.map(({ event: { producer } }) => producer?.sequence)).toEqual([0, 1, 2]);
  expect(inOrder.slice(1).map(({ event: { id } }) => id)).toEqual(ids);
  expect(inOrder[0]?.event).toMatchObject({ origin: { service: 'accounts' }, producer: { last: false } });
});

test('an event that breaks a rule fails the call, and a row that is none goes aside', async () => {
  await expect(outbox.record(client, { ...event('x'), action: 'Nonsense' })).rejects.toMatchObject({
    code: 'invalid-event',
  });
  await client.query('INSERT INTO tidemark_outbox (key, event) VALUES (\'k\', \'{"action": "a.b"}\')');
  await outbox.record(client, event('good'));
  const problems = await relayUntil(1);
  expect(problems).toEqual([expect.stringMatching(/^row 1 is put aside: found no event by the schema/)]);
  expect((await readRaw(topic, 1))[0]?.event.targets[0]?.id).toBe('good');
  const { rows } = await client.query('SELECT id, problem FROM tidemark_outbox');
  expect(rows).toEqual([{ id: '1', problem: expect.stringContaining('no event') }]);
});

test('what the brokers refuse holds up what is behind it under its key, and goes in order once they take it', async () => {
  const setLimit = async (bytes: number): Promise<void> => {
    const admin = createKafka(
      { brokers: [stackVariable('KAFKA_BROKERS')], tls: null, sasl: null },
      silent,
      'test',
    ).admin();
    await admin.connect();
    const configEntries = [{ name: 'max.message.bytes', value: String(bytes) }];
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }];
    await admin.alterConfigs({ validateOnly: false, resources });
    await admin.disconnect();
  };
  await setLimit(2000);
  const first = await outbox.record(client, { ...event('a-1'), reason: 'x'.repeat(4000) });
  const second = await outbox.record(client, event('a-1'));
  const problems = await relayUntil(2, 300, told => told.length >= 2);
  expect(problems[0]).toMatch(/^2 rows could not be sent yet: /);
  expect(await left()).toBe(2);
  await setLimit(1_000_000);
  await relayUntil(0);
  const records = await readRaw(topic, 2);
  expect(records.map(({ event: one }) => [one.id, one.producer?.sequence])).toEqual([
    [first, 0],
    [second, 1],
  ]);
});

test('a relay that is killed loses nothing, and what is sent again is the same event under the same number', async () => {
  const total = 1500;
  const ids = new Map<string, number>();
  const write = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n += 10) {
      await inTransaction(async own => {
        for (let m = n; m < n + 10; m++) ids.set(await outbox.record(own, event(`${m % 7}`)), m);
      });
    }
  };
  await write(0, 500);
  const first = startRelay();
  await first.active;
  const second = startRelay();
  const writing = write(500, total);
  await until('some are published', async () => ids.size - (await left()) > 100);
  first.child.kill('SIGKILL');
  await writing;
  await second.active;
  await until('all are published', async () => (await left()) === 0);
  second.child.kill('SIGTERM');
  expect(await second.exit).toBe(0);

  const records = await readRaw(topic, total);
  const bySequence = new Map<number, string>();
  for (const { event: one } of records) {
    const sequence = one.producer?.sequence ?? -1;
    expect(bySequence.get(sequence) ?? one.id).toBe(one.id);
    bySequence.set(sequence, one.id);
  }
  expect([...bySequence.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, n) => n));
  expect(new Set(bySequence.values())).toEqual(new Set(ids.keys()));
  expect(new Set(records.map(({ event: { producer } }) => producer?.instance)).size).toBe(1);
  // Of each account in the order in which they were recorded; what was sent again aside.
  const seen = new Set<string>();
  const last = new Map<string, number>();
  for (const { key = '', event: one } of records) {
    if (seen.has(one.id)) continue;
    seen.add(one.id);
    const at = ids.get(one.id) ?? -1;
    expect(at).toBeGreaterThan(last.get(key) ?? -1);
    last.set(key, at);
  }
  expect(last.size).toBe(7);
});

test('the command says what is missing, and prints the tables', async () => {
  const printed = await tidemark(['outbox', 'table']);
  expect(printed).toMatchObject({ code: 0, stdout: outboxTable() });
  const none = await tidemark(['outbox', 'relay'], { env: { ...stackEnv(), DATABASE_URL: '' } });
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('DATABASE_URL') });
  const env = { ...stackEnv(), DATABASE_URL: 'postgres://u:s3cr3t@127.0.0.1:1/d' };
  const away = await tidemark(['outbox', 'relay'], { env });
  expect(away).toMatchObject({ code: 2, stderr: expect.stringContaining("can't be relayed") });
  expect(away.stderr).not.toContain('s3cr3t');
});
