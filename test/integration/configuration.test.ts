// Configuration overrides on real servers: a service that is started with other values, and killed in the middle of saying so, is one event
// by its id, sealed, and the live change of all that it does afterwards.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { createFresh, freshNames, stackEnv } from '../stack.ts';
import { temporaryFolder } from '../temporary.ts';
import { run, tidemark } from '../unit/cli/command.ts';
import { valuesOf } from '../unit/enrich/records.ts';
import { createScene, endPrograms, readEvidence, startProgram, until } from './normalizer-program.ts';
import { readRaw } from './sdk-topic.ts';

afterEach(endPrograms);

const service = fileURLToPath(new URL('configured-service.ts', import.meta.url));

test('an override is recorded once by its id, also by a service that was killed, and is the live change from then on', async () => {
  const scene = await createScene(1, { TIDEMARK_CHANGES_TOPIC: `changes-${freshNames().group}` });
  const store = join(temporaryFolder(), 'configuration.json');
  const start = async (values: object, more: Record<string, string> = {}) => {
    const env = { ...stackEnv(), TIDEMARK_RAW_TOPIC: scene.names.raw, STORE: store, VALUES: JSON.stringify(values) };
    const { code, stdout } = await run(process.execPath, [service], { env: { ...env, ...more } });
    return { code, ...(stdout === '' ? {} : JSON.parse(stdout)) };
  };
  const usual = { db: { pool: 10 }, endpoint: 'https://one.example.com', password: 'hunter2' };
  const override = { ...usual, db: { pool: 50 }, endpoint: 'https://two.example.com' };
  const first = await start(usual);
  const killed = await start(override, { KILLED: 'yes' });
  const second = await start(override);
  const third = await start(override);
  expect([first.code, killed.code, second.code, third]).toMatchObject([0, null, 0, { code: 0, id: null }]);

  await startProgram(scene.env);
  const sealed = async () => (await readEvidence(scene)).events.filter(({ origin }) => origin?.service === 'billing');
  await until('all are sealed', async () => (await sealed()).some(({ id }) => id === third.order));
  const events = await sealed();
  const told = events.filter(({ action }) => action.startsWith('configuration.'));
  expect(told.map(({ action, id }) => [action, id])).toEqual([
    ['configuration.create', first.id],
    ['configuration.change', second.id],
    ['configuration.change', second.id],
  ]);
  const hash = { type: 'string', text: expect.stringMatching(/^hmac-sha256:/) };
  const [, change, again] = told;
  expect(change?.targets[0]?.changes).toEqual([
    { field: 'db.pool', before: { type: 'integer', text: '10' }, after: { type: 'integer', text: '50' } },
    { field: 'endpoint', before: hash, after: hash },
  ]);
  expect([again?.occurredAt, again?.targets, again?.attributes]).toEqual([
    change?.occurredAt,
    change?.targets,
    change?.attributes,
  ]);
  expect(JSON.stringify(events)).not.toMatch(/hunter2|example\.com/);
  const liveAt = (order: string) => {
    const record = events.find(({ id }) => id === order);
    return valuesOf(record?.enrichment.find(({ name }) => name === 'live-change'));
  };
  expect(liveAt(first.order)).toMatchObject({ latest: 'configuration', 'configuration.event': first.id });
  for (const { order } of [second, third]) {
    expect(liveAt(order)).toMatchObject({
      latest: 'configuration',
      'configuration.event': second.id,
      'configuration.action': 'configuration.change',
      'configuration.reference': change?.change?.reference,
      'configuration.version': '4.2.0',
    });
  }
});

test('from a shell: a file, or variables by their prefix, for any service', async () => {
  const { raw } = await createFresh();
  const folder = temporaryFolder();
  const [file, store] = [join(folder, 'values.yaml'), join(folder, 'store.json')];
  const env = { ...stackEnv(), TIDEMARK_RAW_TOPIC: raw, TIDEMARK_ENVIRONMENT: 'production' };
  const options = ['--service', 'billing', '--actor', 'u-9'];
  const record = (...args: string[]) => tidemark(['record', 'configuration', ...args, ...options], { env });
  writeFileSync(file, 'log: { level: info }\ntoken: t-1842\n');
  const created = await record(file, '--store', store, '--clear', 'log.*');
  expect(await record(file, '--store', store, '--clear', 'log.*')).toEqual({
    code: 0,
    stdout: '',
    stderr: 'unchanged: nothing to record of the configuration of billing\n',
  });
  writeFileSync(file, '{"log": {"level": "debug"}, "token": "t-1843"}');
  const changed = await record(file, '--store', store, '--clear', 'log.*', '--reference', 'OPS-12');
  Object.assign(env, { BILLING_PORT: '80', OTHER_PORT: '81' });
  const flat = await record('--env-prefix', 'BILLING_', '--store', join(folder, 'env.json'), '--name', 'environment');
  expect([created, changed, flat].map(({ code }) => code)).toEqual([0, 0, 0]);

  const events = (await readRaw(raw, 6)).map(({ event }) => event).filter(({ action }) => action !== 'audit.close');
  const inOrder = [created, changed, flat].map(({ stdout }) => events.find(({ id }) => id === stdout.trim()));
  const masked = { type: 'string', text: '[masked: secret-field]' };
  expect(inOrder).toMatchObject([
    { action: 'configuration.create', actor: { id: 'u-9' }, origin: { environment: 'production' } },
    {
      action: 'configuration.change',
      change: { perimeter: 'configuration', reference: 'OPS-12' },
      targets: [
        {
          type: 'configuration',
          id: 'billing',
          changes: [
            { field: 'log.level', before: { text: 'info' }, after: { text: 'debug' } },
            { field: 'token', before: masked, after: masked },
          ],
        },
        { type: 'service', id: 'billing' },
      ],
    },
    { targets: [{ id: 'billing/environment', changes: [{ field: 'BILLING_PORT' }] }, { id: 'billing' }] },
  ]);
  expect(readFileSync(store, 'utf8')).not.toContain('t-184');
});

test('what can not be done is said, and nothing is recorded', async () => {
  const folder = temporaryFolder();
  const [file, store] = [join(folder, 'values.yaml'), join(folder, 'store.json')];
  const record = (...args: string[]) =>
    tidemark(['record', 'configuration', '--service', 'billing', '--store', store, ...args], { env: stackEnv() });
  writeFileSync(file, 'just-a-secret');
  writeFileSync(store, 'damaged');
  const [neither, both, missing, single, damaged] = await Promise.all([
    record(),
    record(file, '--env-prefix', 'A_'),
    record(join(folder, 'other.yaml')),
    record(file),
    record('--env-prefix', 'A_'),
  ]);
  const said = [neither, both, missing, single, damaged].map(({ code, stdout, stderr }) => [code, stdout, stderr]);
  expect(said).toEqual([
    [2, '', expect.stringContaining('--env-prefix for variables, and not both')],
    [2, '', expect.stringContaining('--env-prefix for variables, and not both')],
    [2, '', expect.stringContaining("can't be read (ENOENT)")],
    [2, '', expect.stringContaining('expected a map of names and values')],
    [2, '', expect.stringContaining('move it away to begin anew')],
  ]);
  expect(single.stderr).not.toContain('just-a-secret');
  expect(readFileSync(store, 'utf8')).toBe('damaged');
});
