// The SDK as others get it: built, packed, installed into an empty project, and used from there.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFresh, stackEnv } from '../stack.ts';
import { packSdk } from '../try-sdk/pack.ts';
import { readRaw } from './sdk-topic.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const execute = promisify(execFile);
let project = '';

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'tidemark-sdk-'));
  const file = await packSdk(project);
  await writeFile(join(project, 'package.json'), '{ "name": "empty", "private": true }');
  await execute('npm', ['install', '--no-audit', '--no-fund', file], { cwd: project });
});

afterAll(() => rm(project, { recursive: true, force: true }));

const use = `const audit = createAuditor({ service: 'packed' });
  audit.record({ action: 'account.close', target: { type: 'account', id: '42' } })
    .then(id => { console.log(id); return audit.close(); });`;

test('it depends on what a publisher needs, and on nothing else', async () => {
  const listed = await execute('npm', ['ls', '--json', '--depth', '1'], { cwd: project });
  const { dependencies } = JSON.parse(listed.stdout).dependencies['@tidemark/sdk'];
  const forEvents = ['@kafkajs/confluent-schema-registry', '@node-rs/crc32', 'avsc', 'kafkajs', 'uuid'];
  const forIdentity = ['jose', 'lru-cache', 'yaml', 'zod'];
  // Peers that may be absent are listed as empty.
  const installed = Object.keys(dependencies).filter(name => dependencies[name].version !== undefined);
  expect(installed.sort()).toEqual([...forEvents, ...forIdentity].sort());
});

test.each([
  ['import', 'use.mjs', `import { createAuditor } from '@tidemark/sdk';\n${use}`],
  ['require', 'use.cjs', `const { createAuditor } = require('@tidemark/sdk');\n${use}`],
])('%s publishes an event', async (_, file, text) => {
  const { raw } = await createFresh();
  await writeFile(join(project, file), text);
  const env = { ...process.env, ...stackEnv(), TIDEMARK_RAW_TOPIC: raw };
  const { stdout, stderr } = await execute(process.execPath, [file], { cwd: project, env, timeout: 60_000 });
  expect(stderr).toBe('');
  const records = await readRaw(raw, 2);
  expect(records.map(({ event }) => event.action)).toEqual(['account.close', 'audit.close']);
  expect(records[0]?.event.id).toBe(stdout.trim());
});

test('a spool keeps events while Kafka is away, and the next process sends them', async () => {
  const { raw } = await createFresh();
  const text = `const { createAuditor } = require('@tidemark/sdk');
  const audit = createAuditor({ service: 'packed', spool: { directory: 'spool' } });
  audit.record({ action: 'account.close', target: { type: 'account', id: '42' } })
    .then(() => audit.close({ timeoutMs: Number(process.env.TIMEOUT) }));`;
  await writeFile(join(project, 'spool.cjs'), text);
  const run = (env: NodeJS.ProcessEnv) =>
    execute(process.execPath, ['spool.cjs'], { cwd: project, env: { ...process.env, ...stackEnv(), ...env } });
  await run({ TIDEMARK_RAW_TOPIC: raw, KAFKA_BROKERS: '127.0.0.1:1', TIMEOUT: '1' });
  await run({ TIDEMARK_RAW_TOPIC: raw, TIMEOUT: '20000' });
  const records = await readRaw(raw, 4);
  expect(records.map(({ event }) => event.action)).toEqual([
    'account.close',
    'audit.close',
    'account.close',
    'audit.close',
  ]);
  expect(new Set(records.map(({ event }) => event.producer?.instance)).size).toBe(2);
});

test.each([
  [
    'import',
    'identity.mjs',
    "import { createApiKey, createIdentifier, openApiKeyChecker } from '@tidemark/sdk/identity';",
  ],
  [
    'require',
    'identity.cjs',
    "const { createApiKey, createIdentifier, openApiKeyChecker } = require('@tidemark/sdk/identity');",
  ],
])('%s checks an API key', async (how, file, line) => {
  const keys = `keys-${how}.yaml`;
  const text = `${line}
  const grant = { actor: { kind: 'machine', id: 'service/a' }, owner: 'u-1', roles: [], by: 'u-1' };
  const { key } = createApiKey('${keys}', { ...grant, expiresAt: Date.now() + 60_000 }, Date.now());
  openApiKeyChecker({ file: '${keys}' }).then(checker => {
    const identifier = createIdentifier([checker]);
    identifier.identify({ kind: 'api-key', key }).then(({ actor }) => console.log(actor.id, actor.credential.method));
  });`;
  await writeFile(join(project, file), text);
  const { stdout, stderr } = await execute(process.execPath, [file], { cwd: project });
  expect([stdout, stderr]).toEqual(['service/a api-key\n', '']);
});

test.each(['import', 'require'])('%s finds the test kit', async how => {
  const load =
    how === 'import' ? "import('@tidemark/sdk/testing')" : "Promise.resolve(require('@tidemark/sdk/testing'))";
  const text = `${load}.then(({ createTestAuditor }) => {
    const audit = createTestAuditor();
    audit.emit({ action: 'account.close', target: { type: 'account', id: '42' } });
    console.log(audit.recorded({ action: 'account.close' }).length);
  });`;
  await writeFile(join(project, `kit-${how}.cjs`), text);
  const { stdout, stderr } = await execute(process.execPath, [`kit-${how}.cjs`], { cwd: project });
  expect([stdout, stderr]).toEqual(['1\n', '']);
});

test.each(['import', 'require'])('%s finds the plugins of web frameworks', async how => {
  // Links, which npm would take for something else: what comes behind asks npm no more.
  for (const name of ['express', 'fastify', 'hono'])
    await symlink(join(root, 'node_modules', name), join(project, 'node_modules', name)).catch(() => {});
  const names = ['express', 'fastify', 'hono'].map(name => `@tidemark/sdk/${name}`);
  const load = how === 'import' ? 'name => import(name)' : 'name => require(name)';
  const text = `Promise.all(${JSON.stringify(names)}.map(${load}))
    .then(all => console.log(all.map(one => typeof one.auditRequests).join()));`;
  await writeFile(join(project, `plugins-${how}.cjs`), text);
  const { stdout, stderr } = await execute(process.execPath, [`plugins-${how}.cjs`], { cwd: project });
  expect([stdout, stderr]).toEqual(['function,function,function\n', '']);
});

test('its types are right for who compiles against them', async () => {
  const lines = [
    "import { createAuditor, AuditError, type AuditInput } from '@tidemark/sdk';",
    "const event: AuditInput = { action: 'a.b', target: { type: 't', id: '1' } };",
    "const id: Promise<string> = createAuditor({ service: 's' }).record(event);",
    'id.catch((error: AuditError) => error.field);',
    '// @ts-expect-error a target is needed',
    "createAuditor().emit({ action: 'a.b' });",
    "import { createOidcChecker, type Checker } from '@tidemark/sdk/identity';",
    "const checker: Checker = createOidcChecker({ issuer: 'https://a.example.com', audience: 'a' });",
    "import Fastify from 'fastify';",
    "import { Hono } from 'hono';",
    "import { auditRequests } from '@tidemark/sdk/fastify';",
    "import { audited, auditRequests as forHono } from '@tidemark/sdk/hono';",
    'const audit = createAuditor();',
    "const target = { type: 'account', id: '1' };",
    "const five: Promise<number> = audit.with({ actor: null }, () => audit.around('a.b', target, async () => 5));",
    'five.then(() => audit.change(target, { a: 1 }, { a: 2 })).then((id: string | null) => id);',
    'Fastify().register(auditRequests, { audit, trustProxy: 1 });',
    "const route = { action: 'a.b', target: (request: { params: { [name: string]: string } }) => ({ type: 't', id: request.params.id ?? '' }) };",
    "Fastify().get('/:id', { config: { audit: route } }, async () => '');",
    "new Hono().use(forHono({ audit })).get('/', audited({ action: 'a.b', target: () => target }));",
    "import { createTestAuditor } from '@tidemark/sdk/testing';",
    "import { defineActions } from '@tidemark/sdk';",
    "const actions = defineActions({ 'a.b': { targets: ['t'] } });",
    'const declared = createTestAuditor({ actions });',
    "declared.emit({ action: 'a.b', target: { id: '1' } });",
    "declared.recorded({ target: { id: '1' } }).map(event => event.target.type);",
    '// @ts-expect-error not declared',
    "createAuditor({ actions }).emit({ action: 'a.c', target: { id: '1' } });",
    '// @ts-expect-error no such scope',
    'audit.with({ actr: null }, () => 0);',
    "checker.check({ kind: 'token', token: 't' }).then(({ actor }) => createAuditor().emit({ ...event, actor }));",
  ];
  await writeFile(join(project, 'use.mts'), lines.join('\n'));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const settings = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023'];
  const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node'];
  await execute(process.execPath, [compiler, ...settings, ...types, 'use.mts'], { cwd: project }).catch(error => {
    throw new Error(error.stdout);
  });
});
