// README's "Add it to your service", followed as it stands: its commands in a checkout, its code in a project beside that, on real servers.
// Only the port of the gateway is another.

import { createHmac } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Child, spawnGuarded } from '../../infra/local/child.ts';
import { fetchOnce } from '../../infra/local/fetch/once.ts';
import { pythonPackage } from '../../infra/local/fetch/packages.ts';
import { mapGitHubWebhook } from '../../producers/gateway/github/index.ts';
import { startPostgres } from '../postgres.ts';
import { readmeSnippet, readmeSnippets } from '../readme.ts';
import { createFresh, stackEnv } from '../stack.ts';
import { startService } from '../try-sdk/service.ts';
import { type Ran, repository, run } from '../unit/cli/command.ts';
import { until } from './normalizer-program.ts';
import { readRaw } from './sdk-topic.ts';

type Env = Readonly<Record<string, string | undefined>>;

const shelf = mkdtempSync(join(tmpdir(), 'tidemark-readme-'));
/** Everything of the repository by links, so that what a command leaves beside it is left here. */
const checkout = join(shelf, 'tidemark');
const project = join(shelf, 'billing');
const ran = new Set<string>();

/** Commands find the Node of the tests first; none has an identity of the machine that they run on. */
const env = (more: Env = {}): Env => ({
  ...process.env,
  PATH: [join(shelf, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
  ACTIONS_ID_TOKEN_REQUEST_URL: undefined,
  ...stackEnv(),
  ...more,
});

function take(heading: string, language: string): string {
  const { text } = readmeSnippet(heading, language);
  ran.add(text);
  return text;
}

const sh = (text: string, more: Env = {}): Promise<Ran> =>
  run('sh', ['-e', '-c', text], { cwd: checkout, env: env(more) });

/** Runs code of the section to its end. */
async function runCode(heading: string, more: Env): Promise<void> {
  writeFileSync(join(project, 'snippet.mjs'), take(heading, 'js'));
  const { code, stderr } = await run(process.execPath, ['snippet.mjs'], { cwd: project, env: env(more) });
  expect([code, stderr]).toEqual([0, '']);
}

/** Commands that go on until they are ended. */
async function start(name: string, text: string, more: Env): Promise<{ child: Child; said: () => string }> {
  const logFile = join(shelf, `${name}.log`);
  const child = await spawnGuarded('sh', ['-e', '-c', text], { logFile, cwd: checkout, env: env(more) });
  onTestFinished(() => child.end('SIGKILL'));
  return { child, said: () => readFileSync(logFile, 'utf8') };
}

async function startGateway(name: string, text: string, more: Env) {
  const { child, said } = await start(name, text.replace('PORT=8080', 'PORT=0'), more);
  const port = () => /"port":(\d+),"msg":"running"/.exec(said())?.[1];
  await until('the gateway runs', () => {
    if (child.hasExited()) throw new Error(said());
    return port() !== undefined;
  });
  return { url: `http://127.0.0.1:${port()}`, said, end: () => child.end('SIGTERM') };
}

const actionsIn = async (raw: string, count: number): Promise<string[]> =>
  (await readRaw(raw, count)).map(({ event }) => event.action);

beforeAll(async () => {
  for (const folder of [checkout, project, join(shelf, 'bin')]) mkdirSync(folder);
  const entries = readdirSync(repository).filter(name => !name.startsWith('.'));
  await Promise.all(entries.map(name => symlink(join(repository, name), join(checkout, name))));
  const npm = (...args: string[]) => run('npm', args, { cwd: project, env: env() });
  await npm('init', '-y');
  const installed = await sh(take('Add it to your service', 'sh'));
  expect(installed.code, installed.stderr).toBe(0);
  const beside = ['fastify', 'express', 'hono', '@hono/node-server', 'pg'];
  const { code, stderr } = await npm('install', '--no-audit', '--no-fund', ...beside);
  expect(code, stderr).toBe(0);
});

afterAll(() => rmSync(shelf, { recursive: true, force: true }));

test('any Node program', async () => {
  const { raw } = await createFresh();
  await runCode('Any Node program', { TIDEMARK_RAW_TOPIC: raw });
  expect(await actionsIn(raw, 2)).toEqual(['invoice.cancel', 'audit.close']);
});

test.each(['Fastify', 'Express', 'Hono'])('%s', async heading => {
  const { raw } = await createFresh();
  const file = `${heading}.mjs`;
  writeFileSync(join(project, file), take(heading, 'js'));
  const plan = { node: process.execPath, folder: project, file, env: env({ TIDEMARK_RAW_TOPIC: raw }) };
  const service = await startService(plan);
  const answer = await fetch(`${service.url}/accounts/42/close`, { method: 'POST' });
  expect(await answer.json()).toEqual({ closed: true });
  await service.end();
  const [closed, ended] = await readRaw(raw, 2);
  expect(closed?.event).toMatchObject({ action: 'account.close', outcome: 'success', targets: [{ id: '42' }] });
  expect(ended?.event.action).toBe('audit.close');
});

test('a PostgreSQL transaction', async () => {
  const { raw } = await createFresh();
  const postgres = await startPostgres();
  onTestFinished(() => postgres.close());
  const more = { TIDEMARK_RAW_TOPIC: raw, DATABASE_URL: postgres.url };
  // psql is no part of what the tests bring: this stands in its place.
  const text = `import pg from 'pg';
    import { text } from 'node:stream/consumers';
    const client = new pg.Client(process.argv[2]);
    await client.connect();
    await client.query(await text(process.stdin));
    await client.end();`;
  writeFileSync(join(project, 'psql.mjs'), text);
  script(join(shelf, 'bin/psql'), `exec node ${join(project, 'psql.mjs')} "$@"`);
  const { child, said } = await start('relay', take('A PostgreSQL transaction', 'sh'), more);
  await until('the relay publishes', () => {
    if (child.hasExited()) throw new Error(said());
    return said().includes('publishing');
  });
  await runCode('A PostgreSQL transaction', more);
  expect(await actionsIn(raw, 1)).toEqual(['account.close']);
});

test('a gateway: from Node, from anything that speaks HTTP, and from GitHub', async () => {
  const [{ raw }, { raw: hooks }] = await Promise.all([createFresh(), createFresh()]);
  const heading = 'A gateway, for all that should not reach Kafka';
  const gateway = await startGateway('gateway', take(heading, 'sh'), { TIDEMARK_RAW_TOPIC: raw });
  const key = /^tmk_\S+$/m.exec(gateway.said())?.[0];
  const caller = { TIDEMARK_GATEWAY_URL: gateway.url, TIDEMARK_API_KEY: key, KAFKA_BROKERS: undefined };
  await runCode(heading, caller);
  const posted = await sh(take('Anything that speaks HTTP', 'sh'), caller);
  expect(posted.code, posted.stderr).toBe(0);
  expect(JSON.parse(posted.stdout)).toMatchObject({ results: [{ status: 'accepted' }] });
  expect(await actionsIn(raw, 2)).toEqual(['invoice.cancel', 'invoice.cancel']);
  await gateway.end();

  writeFileSync(join(checkout, 'github-secret'), 'of the webhook\n');
  const hooked = await startGateway('webhooks', take('Webhooks', 'sh'), { TIDEMARK_RAW_TOPIC: hooks });
  const payload = examplePush();
  const signature = createHmac('sha256', 'of the webhook').update(JSON.stringify(payload)).digest('hex');
  const answer = await fetch(`${hooked.url}/v1/webhooks/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': 'd-1',
      'x-hub-signature-256': `sha256=${signature}`,
    },
    body: JSON.stringify(payload),
  });
  expect(answer.status).toBe(202);
  const pushed = mapGitHubWebhook('push', payload, { deliveryId: 'd-1' }).map(({ action }) => action);
  expect(await actionsIn(hooks, pushed.length)).toEqual(pushed);
  await hooked.end();
});

test('Python, to Kafka', async () => {
  const { raw } = await createFresh();
  const folder = join(shelf, 'python');
  mkdirSync(folder);
  copyFileSync(join(repository, 'producers/examples/python/publish.py'), join(folder, 'publish.py'));
  copyFileSync(join(repository, 'schemas/audit-event.avsc'), join(folder, 'audit-event.avsc'));
  writeFileSync(join(folder, 'billing.py'), take('Python, to Kafka', 'python'));
  const packages = await fetchOnce(pythonPackage, () => undefined);
  const more = { TIDEMARK_RAW_TOPIC: raw, PYTHONPATH: packages, PYTHONNOUSERSITE: '1' };
  const { code, stderr } = await run('python3', ['billing.py'], { cwd: folder, env: env(more) });
  expect(code, stderr).toBe(0);
  const [cancelled] = await readRaw(raw, 2);
  expect(cancelled?.event).toMatchObject({ action: 'invoice.cancel', origin: { service: 'billing' } });
});

test('pipelines', async () => {
  const { raw } = await createFresh();
  script(join(checkout, 'deploy.sh'), 'echo deployed');
  script(join(checkout, 'migrate.sh'), 'echo migrated');
  const { code, stdout, stderr } = await sh(take('Pipelines', 'sh'), { TIDEMARK_RAW_TOPIC: raw });
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/deployed\nmigrated\n$/);
  const actions = await actionsIn(raw, 8);
  expect(actions.filter(action => action !== 'audit.close')).toEqual([
    'deployment.finish',
    'pipeline-step.start',
    'pipeline-step.finish',
    'migration.start',
    'migration.finish',
  ]);
});

test('each snippet was run, and is at most ten lines', () => {
  expect(readmeSnippets().filter(({ text }) => !ran.has(text))).toEqual([]);
  const lines = readmeSnippets().map(({ heading, text }) => ({ heading, lines: text.trimEnd().split('\n').length }));
  expect(lines.filter(one => one.lines > 10)).toEqual([]);
});

function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

function examplePush(): unknown {
  type Examples = { name: string; examples: unknown[] }[];
  const all: Examples = createRequire(import.meta.url)('@octokit/webhooks-examples');
  return all.find(({ name }) => name === 'push')?.examples[0];
}
