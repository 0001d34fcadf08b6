// The normalizer's parts while it runs: a policy that is changed, and a store of keys that is down.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeCrypto } from '../../core/edge/crypto.ts';
import { s3ConfigOf } from '../../infra/local/bucket.ts';
import type { AuditEvent } from '../../schemas/index.ts';
import { stackEnv, stackVariable } from '../stack.ts';
import {
  createScene,
  encode,
  endPrograms,
  eventually,
  makeEvent,
  type Program,
  readEvidence,
  send,
  startProgram,
  until,
} from './normalizer-program.ts';

const closing: (() => void)[] = [];
beforeAll(() => {
  for (const [name, value] of Object.entries(stackEnv())) if (name.startsWith('AWS_')) process.env[name] = value;
});
afterAll(() => {
  endPrograms();
  for (const close of closing) close();
});

const folder = mkdtempSync(join(tmpdir(), 'normalizer-parts-'));
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content, { mode: 0o600 });
  return join(folder, name);
};
const policyOf = (outcome: string) =>
  `version: 1\nrules:\n  - { name: invoices, actions: ['invoice.*'], outcome: ${outcome} }\n`;

async function metricOf(program: Program, name: string): Promise<number> {
  const metrics = await (await fetch(`${program.address()}/metrics`)).text();
  const line = metrics.split('\n').find(one => one.startsWith(`tidemark_normalizer_${name} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}

test('a change of policy holds from then on and is an event; a broken file changes nothing and is one too', async () => {
  const path = file('policy.yaml', policyOf('flag'));
  const scene = await createScene(1, { TIDEMARK_POLICY: path });
  const program = await startProgram(scene.env);
  const invoice = () => send(scene, [encode(scene.eventId, makeEvent(1, { action: 'invoice.cancel' }))]);
  const changes = async () => {
    const { events } = await readEvidence(scene);
    return events.filter(({ action }) => action === 'audit.policy.change');
  };
  const told = (count: number) => until(`${count} changes are told`, async () => (await changes()).length >= count);

  await told(1);
  await invoice();
  await eventually(scene, 2);
  file('policy.yaml', policyOf('refuse'));
  await told(2);
  await invoice();
  await eventually(scene, 4);
  file('policy.yaml', 'version: 1\nrules: [');
  await told(3);
  await invoice();
  await eventually(scene, 6);

  const { events } = await readEvidence(scene);
  const invoices = events.filter(({ action }) => !action.startsWith('audit.policy'));
  expect(invoices.map(({ refused, flags }) => refused?.code ?? flags[0]?.code)).toEqual([
    'policy-action',
    'policy-action',
    'policy-action',
  ]);
  expect(invoices.map(({ action }) => action)).toEqual(['invoice.cancel', 'audit.refuse', 'audit.refuse']);
  const [first, second, broken] = await changes();
  const digests = invoices.map(({ policy }) => policy?.digest);
  const after = second?.targets[0]?.changes.find(({ field }) => field === 'digest');
  expect([after?.before?.text, after?.after?.text]).toEqual([digests[0], digests[1]]);
  expect([first?.outcome, second?.outcome, broken?.outcome]).toEqual(['success', 'success', 'failure']);
  expect(digests[2]).toBe(digests[1]);
  expect(await metricOf(program, 'policy_broken')).toBe(1);
  expect(await program.kill('SIGTERM')).toBe(0);
});

test('events that are not as their catalogue declares are marked, counted, and sealed all the same', async () => {
  const actions = file('actions.yaml', 'catalogue: 1\nactions:\n  invoice.cancel: { targets: [invoice] }\n');
  const scene = await createScene(1, { TIDEMARK_ACTIONS: actions });
  const program = await startProgram(scene.env);
  const events = ['invoice.cancel', 'invoice.shred'].map((action, n) => makeEvent(n, { action }));
  await send(
    scene,
    events.map(event => encode(scene.eventId, event)),
  );
  await eventually(scene, 2);
  const { events: found } = await readEvidence(scene);
  expect(found.map(({ refused, flags }) => [refused, ...flags.map(({ code, field }) => `${code} ${field}`)])).toEqual([
    [null, 'undeclared targets[0].type'],
    [null, 'undeclared action'],
  ]);
  expect(await metricOf(program, 'flags_total{code="undeclared"}')).toBe(2);
  expect(await program.kill('SIGTERM')).toBe(0);
});

/** The run's S3 server, behind a gate: what the test shuts out is answered with 503. */
async function gatedEndpoint(isShut: (url: string) => boolean): Promise<string> {
  const target = new URL(stackVariable('S3_ENDPOINT'));
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    if (isShut(url)) {
      incoming.resume().on('end', () => outgoing.writeHead(503).end());
      return;
    }
    const forwarded = request({ host: target.hostname, port: target.port, method, path: url, headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('while the store of keys is down, events wait for it; what needs no new key went before; none is skipped', async () => {
  const keys = `keys-${randomUUID().slice(0, 13)}`;
  const s3 = new S3Client(s3ConfigOf(stackEnv()));
  await s3.send(new CreateBucketCommand({ Bucket: keys }));
  s3.destroy();
  let shut = false;
  const secret = () => `${Buffer.from(nodeCrypto.sha256(Buffer.from(randomUUID()))).toString('base64')}\n`;
  const scene = await createScene(1, {
    S3_ENDPOINT: await gatedEndpoint(url => shut && url.startsWith(`/${keys}/`)),
    TIDEMARK_ENCRYPTION: 'on',
    TIDEMARK_KEYS_BUCKET: keys,
    TIDEMARK_KEK: file('kek.key', secret()),
    TIDEMARK_LOOKUP_KEY: file('lookup.key', secret()),
  });
  const program = await startProgram(scene.env);
  const nothing = { name: null, email: null, roles: [], session: null, onBehalfOf: [], credential: null };
  const by = (id: string): Partial<AuditEvent> => ({ actor: { kind: 'human', id, ...nothing, name: `Person ${id}` } });
  const ids: string[] = [];
  const event = async (who: string) => {
    const one = makeEvent(ids.length, by(who));
    ids.push(one.id);
    await send(scene, [encode(scene.eventId, one)]);
  };
  await event('u-1');
  await eventually(scene, 1);
  shut = true;
  await event('u-1');
  await eventually(scene, 2);
  await event('u-2');
  await event('u-1');
  await until('it waits', async () => (await metricOf(program, 'key_waits_total')) >= 2);
  expect((await readEvidence(scene)).events.length).toBe(2);
  expect((await fetch(`${program.address()}/readyz`)).status).toBe(200);
  shut = false;
  await eventually(scene, 4);
  const { events } = await readEvidence(scene);
  expect(events.map(({ id }) => id)).toEqual(ids);
  expect(events.every(({ actor }) => typeof actor?.name === 'object')).toBe(true);
  expect(await metricOf(program, 'keys_total{how="made"}')).toBe(2);
  expect(await metricOf(program, 'keys_cached')).toBe(2);
  expect(await program.kill('SIGTERM')).toBe(0);
});
