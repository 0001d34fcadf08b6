// Schema migrations on a real PostgreSQL, in tables as Flyway, Knex and Prisma make them, recorded on real servers.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { watchOnce } from '../../producers/changes/index.ts';
import { createTestAuditor } from '../../producers/sdk/testing/index.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { createFresh, freshNames, stackEnv } from '../stack.ts';
import { launcher, tidemark } from '../unit/cli/command.ts';
import { readRaw } from './sdk-topic.ts';

/** Flyway: the script of PostgreSQL's schema history table; Knex: lib/migrations; Prisma: the schema engine's connector. */
const FLYWAY = `CREATE TABLE flyway_schema_history (
  installed_rank INT NOT NULL PRIMARY KEY, version VARCHAR(50), description VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL,
  script VARCHAR(1000) NOT NULL, checksum INTEGER, installed_by VARCHAR(100) NOT NULL,
  installed_on TIMESTAMP NOT NULL DEFAULT now(), execution_time INTEGER NOT NULL, success BOOLEAN NOT NULL)`;
const KNEX = `CREATE TABLE knex_migrations (
  id SERIAL PRIMARY KEY, name VARCHAR(255), batch INTEGER, migration_time TIMESTAMPTZ)`;
const PRISMA = `CREATE TABLE "_prisma_migrations" (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`;

let server: Postgres;
let admin: pg.Client;
beforeAll(async () => {
  server = await startPostgres();
  admin = await server.connect();
});
afterAll(() => server.close());

/** A database of the test's own, and a client of it. */
async function freshDatabase(...ddl: string[]): Promise<{ url: string; client: pg.Client }> {
  const name = freshNames().group;
  await admin.query(`CREATE DATABASE "${name}"`);
  const url = server.url.replace('/postgres?', `/${name}?`);
  const client = await server.connect(url);
  for (const text of ddl) await client.query(text);
  return { url, client };
}

const flyway = (rank: number, version: string | null, type = 'SQL', success = true): string =>
  `INSERT INTO flyway_schema_history VALUES (${rank}, ${version === null ? 'NULL' : `'${version}'`}, 'add', '${type}',
   '${version === null ? 'R' : `V${version}`}__add.sql', 7, 'owner', now(), 12, ${success})`;
const knex = (name: string): string =>
  `INSERT INTO knex_migrations (name, batch, migration_time) VALUES ('${name}', 1, now())`;

test('each migration is recorded once, whatever is started again: applied, failed and rolled back', async () => {
  const { url, client } = await freshDatabase(FLYWAY, KNEX, PRISMA, flyway(1, '1'), knex('1_first.js'));
  const { raw } = await createFresh();
  const env = { ...stackEnv(), TIDEMARK_RAW_TOPIC: raw, DATABASE_URL: url, TIDEMARK_ENVIRONMENT: 'production' };
  const watch = () => tidemark(['watch', 'migrations', '--once', '--service', 'billing'], { env });
  expect(await watch()).toEqual({
    code: 0,
    stdout: '',
    stderr: '2 migrations of before the first look: noted, not recorded\n',
  });

  await client.query(flyway(2, '2'));
  await client.query(flyway(3, null));
  await client.query(flyway(4, '3', 'SQL', false));
  await client.query(knex('2_second.js'));
  await client.query(`INSERT INTO _prisma_migrations (id, checksum, migration_name, logs, finished_at) VALUES
    ('a', 'c1', '1_init', NULL, now()), ('b', 'c2', '2_broken', 'ERROR', NULL), ('c', 'c3', '3_running', NULL, NULL)`);
  const [first, second] = [await watch(), await watch()];
  expect(first.stderr).toContain('recorded: public.flyway_schema_history 2 applied\n');
  expect(second).toEqual({ code: 0, stdout: '', stderr: '' });
  await client.query("UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = 'b'");
  expect(await watch()).toMatchObject({
    code: 0,
    stderr: 'recorded: public._prisma_migrations 2_broken rolled-back\n',
  });

  const events = (await readRaw(raw, 9)).map(({ event }) => event).filter(({ action }) => action !== 'audit.close');
  const told = events.map(({ action, outcome, attributes }) => [action, outcome, attributes[0]?.value?.text]);
  expect(told).toEqual([
    ['migration.apply', 'success', '1_init'],
    ['migration.apply', 'failure', '2_broken'],
    ['migration.apply', 'success', '2'],
    ['migration.apply', 'success', 'R__add.sql'],
    ['migration.apply', 'failure', '3'],
    ['migration.apply', 'success', '2_second.js'],
    ['migration.roll-back', 'success', '2_broken'],
  ]);
  expect(events[2]).toMatchObject({
    actor: null,
    origin: { environment: 'production' },
    change: { perimeter: 'migration', reference: '2' },
    targets: [{ type: 'database' }, { type: 'service', id: 'billing' }],
  });
  expect(JSON.stringify(events)).not.toContain(server.url);
});

test('a watcher that runs records what comes, and ends when it is told to', async () => {
  const { url, client } = await freshDatabase(KNEX);
  const { raw } = await createFresh();
  const args = ['watch', 'migrations', '--service', 'billing', '--every', 'PT1S'];
  const env = { ...process.env, ...stackEnv(), TIDEMARK_RAW_TOPIC: raw, DATABASE_URL: url };
  const watcher = spawn(process.execPath, [launcher, ...args], { env, stdio: 'ignore' });
  onTestFinished(() => void watcher.kill('SIGKILL'));
  const ended = once(watcher, 'exit');
  const notes = (state: string) => async () => {
    const { rows } = await client.query("SELECT to_regclass('tidemark_migration_notes') AS name");
    if (rows[0].name === null) return 0;
    return (await client.query('SELECT 1 FROM tidemark_migration_notes WHERE state = $1', [state])).rowCount;
  };
  await expect.poll(notes('begun'), { timeout: 60_000 }).toBe(1);
  await client.query(knex('1_first.js'));
  await expect.poll(notes('applied'), { timeout: 60_000 }).toBe(1);
  watcher.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  const told = (await readRaw(raw, 2)).map(({ event }) => event.action);
  expect(told).toEqual(['migration.apply', 'audit.close']);
});

test('one of two watchers looks, the other takes over; the id of a row is the same whoever reads it', async () => {
  const { url, client } = await freshDatabase();
  const options = { service: 'billing', database: 'db/billing', fromBeginning: false };
  const auditor = createTestAuditor();
  const [one, two] = [await server.connect(url), await server.connect(url)];
  expect(await watchOnce(one, auditor, options)).toEqual({ recorded: [], noted: 0, problems: [] });
  for (const text of [KNEX, knex('1_first.js')]) await client.query(text);
  expect(await watchOnce(two, auditor, options)).toBeNull();
  await one.end();
  await expect.poll(() => watchOnce(two, auditor, options)).toMatchObject({ recorded: [{ version: '1_first.js' }] });
  // As where the first ended before it could note what it had recorded.
  await client.query("DELETE FROM tidemark_migration_notes WHERE state = 'applied'");
  await watchOnce(two, auditor, options);
  const [id, again, ...others] = auditor.events.map(event => event.id);
  expect([again, others]).toEqual([id, []]);
});

test('what Kafka does not take is recorded at the next look; from the beginning, where it is asked for', async () => {
  const { client } = await freshDatabase(FLYWAY, flyway(1, '1', 'BASELINE'), flyway(2, '2'));
  const options = { service: 'billing', database: 'db/billing', fromBeginning: true };
  const auditor = createTestAuditor();
  auditor.away = true;
  await expect(watchOnce(client, auditor, options)).rejects.toMatchObject({ code: 'not-sent' });
  auditor.away = false;
  expect(await watchOnce(client, auditor, options)).toMatchObject({ recorded: [{ version: '2' }], noted: 0 });
});

test('a role that may not make the table of notes is told to have it made', async () => {
  const { url, client } = await freshDatabase(KNEX, 'GRANT SELECT ON knex_migrations TO PUBLIC');
  const role = freshNames().raw;
  await client.query(`CREATE ROLE "${role}" LOGIN`);
  const env = { ...stackEnv(), DATABASE_URL: url.replace('tidemark@', `${role}@`) };
  const ran = await tidemark(['watch', 'migrations', '--once', '--service', 'billing'], { env });
  expect(ran).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('CREATE TABLE IF NOT EXISTS tidemark_migration_notes'),
  });
});

test('a wrapped tool keeps its exit code, and its versions before and after are told', async () => {
  const { url, client } = await freshDatabase(FLYWAY, flyway(1, '1'));
  const { raw } = await createFresh();
  const env = { ...stackEnv(), TIDEMARK_RAW_TOPIC: raw, DATABASE_URL: url };
  const tool = (text: string, code: number): string[] => {
    const script = `const c = new (require('pg').Client)(process.env.DATABASE_URL);
      c.connect().then(() => c.query(${JSON.stringify(text)})).then(() => c.end()).then(() => process.exit(${code}))`;
    return ['record', 'migration', '--actor', 'u-9', '--service', 'billing', '--', process.execPath, '-e', script];
  };
  expect(await tidemark(tool(flyway(2, '2'), 0), { env })).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await tidemark(tool(flyway(3, '2', 'UNDO_SQL'), 3), { env })).toEqual({ code: 3, stdout: '', stderr: '' });
  await client.query(KNEX);
  const unclear = await tidemark(tool('SELECT 1', 0), { env });
  expect(unclear).toMatchObject({ code: 0, stderr: expect.stringContaining('say which tool') });

  const events = (await readRaw(raw, 9))
    .map(({ event }) => event)
    .filter(({ action }) => action === 'migration.finish');
  const version = (before: string, after: string) => [
    { field: 'version', before: { type: 'string', text: before }, after: { type: 'string', text: after } },
  ];
  expect(events).toMatchObject([
    { outcome: 'success', actor: { id: 'u-9' }, targets: [{ changes: version('1', '2') }, { id: 'billing' }] },
    { outcome: 'failure', targets: [{ changes: version('2', '1') }, { id: 'billing' }] },
    { outcome: 'success', targets: [{ changes: [] }, { id: 'billing' }] },
  ]);
});
