// Proof of source on real servers: services that sign, one that is impersonated, one that has to sign and does not, and what is copied
// from place to place, all into one topic; and what the normalizer seals of each.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { verdictsOf } from '../../consumers/normalizer/sources/index.ts';
import { compileServices } from '../../consumers/normalizer/sources/services.ts';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { FetchClient, type FetchedBatch } from '../../core/edge/kafka/index.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { SOURCE_HEADER, sourceKeyName } from '../../core/proof/source.ts';
import { type AuditInput, type AuditorOptions, createAuditor } from '../../producers/sdk/index.ts';
import { type AuditRecord, auditEventType } from '../../schemas/index.ts';
import { stackVariable } from '../stack.ts';
import { temporaryFolder } from '../temporary.ts';
import {
  createScene,
  encode,
  endPrograms,
  makeEvent,
  readEvidence,
  type Scene,
  send,
  startProgram,
  until,
} from './normalizer-program.ts';

afterAll(endPrograms);

const names = ['billing', 'gateway', 'tidemark', 'vault'] as const;
const pems = Object.fromEntries(names.map(name => [name, generatePem()]));
const signerOf = (name: string) => signerFromPem(sourceKeyName(name), pems[name] ?? '');
const keyOf = (name: string) => formatVerifierKey(signerOf(name).key);

const registered = `version: 1
services:
  billing: { owner: team-payments, keys: ['${keyOf('billing')}'], actions: ['account.*'] }
  gateway: { owner: team-platform, keys: ['${keyOf('gateway')}'], actions: ['*'], onBehalfOf: ['shop-*'] }
  tidemark: { owner: team-platform, keys: ['${keyOf('tidemark')}'], actions: ['audit.*'] }
  vault: { owner: team-security, keys: ['${keyOf('vault')}'], actions: ['*'], alwaysSigns: true }
`;

const credential = { method: 'oidc', issuer: 'https://login.example', subject: 's', checkedAt: new Date() };
const actor = { kind: 'human', id: 'u-77', credential } as const;

/** Records events of accounts of these ids in one request, and says that the instance ends. All go to the partition of one key. */
async function record(
  { names: { raw: topic } }: Scene,
  { service, ids, event = {}, ...more }: { ids: string[]; event?: Partial<AuditInput> } & AuditorOptions,
): Promise<void> {
  const brokers = stackVariable('KAFKA_BROKERS');
  const registry = stackVariable('SCHEMA_REGISTRY_URL');
  const auditor = createAuditor({ service, brokers, registry, topic, lingerMs: 100, key: () => 'k', ...more });
  const all = ids.map(id => ({ action: 'account.close', target: { type: 'account', id }, actor, ...event }));
  await Promise.all(all.map(one => auditor.record(one as AuditInput)));
  await auditor.close();
}

/** All that is in a partition of the raw topic, from an offset on. */
async function fetchFrom({ kafka, names: { raw } }: Scene, partition: number, offset = 0n): Promise<FetchedBatch> {
  const client = new FetchClient(kafka);
  try {
    const batch = await client.fetchOne(raw, partition, offset);
    if (!batch) throw new Error('nothing was there');
    return batch;
  } finally {
    await client.close();
  }
}

/** What the record's producer called it, refused or not. */
const actionIn = ({ action, original }: AuditRecord): string =>
  original?.value ? auditEventType().decode(Buffer.from(original.value).subarray(5)).action : action;

const told = ({ targets, refused, attribution }: AuditRecord) => refused?.code ?? `${targets[0]?.id} ${attribution}`;

test('what is sealed says whose it is where that is proven, and refuses what somebody only pretends', async () => {
  const path = join(temporaryFolder(), 'services.yaml');
  writeFileSync(path, registered);
  const policy = join(temporaryFolder(), 'policy.yaml');
  writeFileSync(policy, 'version: 1\n');
  const more = { TIDEMARK_SERVICES: path, TIDEMARK_POLICY: policy, TIDEMARK_PERIOD: 'PT10S' };
  const scene = await createScene(2, more);

  const shop = { action: 'cart.empty', origin: { service: 'shop-7' } };
  const erasure = { action: 'audit.erase.request' };
  await record(scene, { service: 'billing', sourceKey: pems.billing, ids: ['a-1', 'a-2', 'a-3'] });
  await record(scene, { service: 'billing', ids: ['unsigned'] });
  await record(scene, { service: 'billing', sourceKey: pems.gateway, ids: ['impostor-1', 'impostor-2'] });
  await record(scene, { service: 'billing', sourceKey: pems.billing, ids: ['b-1', 'b-2'], event: shop });
  await record(scene, { service: 'gateway', sourceKey: pems.gateway, ids: ['g-1'], event: shop });
  await record(scene, { service: 'vault', ids: ['v-1'] });
  await record(scene, { service: 'vault', sourceKey: pems.vault, ids: ['v-2'] });
  await record(scene, { service: 'billing', sourceKey: pems.billing, ids: ['e-1'], event: erasure, reserved: true });
  await record(scene, { service: 'tidemark', sourceKey: pems.tidemark, ids: ['e-2'], event: erasure, reserved: true });
  // Where the key's events are; ends of instances have keys of their own.
  const { records } = await fetchFrom(scene, 0).catch(() => ({ records: [] }));
  const at = records.some(({ key }) => key?.toString() === 'k') ? 0 : 1;
  await send(scene, [encode(scene.eventId, makeEvent(1, { action: 'audit.hold.lift' }))], at);
  const [signed = []] = (await fetchFrom(scene, at)).groups;
  await copyGroup(scene, signed, 1 - at);

  const program = await startProgram(scene.env);
  const ownActions = ['audit.heartbeat', 'audit.policy.change', 'audit.close'];
  const read = async (partition: number) => (await readEvidence(scene, partition)).events;
  const sealed = async (partition: number) =>
    (await read(partition)).filter(one => !ownActions.includes(actionIn(one)));
  await until('all are sealed', async () => (await sealed(at)).length >= 14 && (await sealed(1 - at)).length >= 3);
  await until('heartbeats are sealed', async () =>
    (await read(1 - at)).some(({ action }) => action === 'audit.heartbeat'),
  );
  expect((await sealed(at)).map(told)).toEqual([
    ...['a-1 verified', 'a-2 verified', 'a-3 verified'],
    'unsigned asserted',
    ...['source-signature', 'source-signature'],
    ...['source-event', 'source-event'],
    'g-1 verified',
    'source-missing',
    'v-2 verified',
    'source-action',
    'e-2 verified',
    'source-missing',
  ]);
  expect((await sealed(1 - at)).map(told)).toEqual(['source-group', 'source-group', 'source-group']);
  const [first] = await sealed(at);
  const { id } = signerOf('billing').key;
  expect(first?.attributionReason).toContain(`billing proved by its key ${Buffer.from(id).toString('hex')}`);
  const own = [...(await read(0)), ...(await read(1))].filter(({ action }) => action.startsWith('audit.policy'));
  expect(own.map(told)).toEqual(['normalizer verified']);

  const counted = await (await fetch(`${program.address()}/metrics`)).text();
  expect(counted).toMatch(/^tidemark_normalizer_refusals_total\{code="source-signature"\} 3$/m);
  expect(counted).toMatch(/^tidemark_normalizer_services_broken 0$/m);

  // Whose key is taken out is an impostor from then on.
  writeFileSync(
    path,
    registered.replace(keyOf('vault'), formatVerifierKey(signerFromPem('vault/source', generatePem()).key)),
  );
  await until(
    'the file is read again',
    () => program.log.filter(line => line.includes('registered services in force')).length > 1,
  );
  await record(scene, { service: 'vault', sourceKey: pems.vault, ids: ['v-3'] });
  await until('it is sealed', async () => (await sealed(at)).length >= 15);
  expect((await sealed(at)).slice(14).map(told)).toEqual(['source-signature']);
  expect(await program.kill('SIGTERM')).toBe(0);
});

test('a group is proven wherever a fetch begins within it', async () => {
  const scene = await createScene(1);
  await record(scene, { service: 'billing', sourceKey: pems.billing, ids: ['1', '2', '3', '4', '5'] });
  const service = { name: 'billing', owner: 'o', actions: ['*'], onBehalfOf: [], alwaysSigns: false };
  const services = compileServices([{ ...service, keys: [{ key: signerOf('billing').key, first: null, last: null }] }]);
  for (const from of [0n, 1n, 4n]) {
    const batch = await fetchFrom(scene, 0, from);
    const sourceOf = verdictsOf(batch, () => services);
    const proofs = batch.records.slice(0, 5 - Number(from)).map(raw => sourceOf(raw).proof);
    expect(proofs).toEqual(Array.from({ length: 5 - Number(from) }, () => 'valid'));
    expect(batch.records[0]?.offset).toBe(from);
  }
});

test.each([
  [
    'a file that breaks rules',
    (folder: string) => file(folder, 'version: 1\nservices: { a: { keys: [x] } }'),
    /services\.a\.owner.*\n.*services\.a\.keys\[0\].*\n.*services\.a\.actions/,
  ],
  ['no file', (folder: string) => join(folder, 'none.yaml'), /TIDEMARK_SERVICES: found ENOENT/],
] as const)('a start with %s is refused, with all that is wrong', async (_, make, message) => {
  const scene = await createScene(1, { TIDEMARK_SERVICES: make(temporaryFolder()) });
  const program = await startProgram(scene.env, false);
  await until('it ended', () => program.child.exitCode !== null);
  expect(program.child.exitCode).toBe(1);
  expect(program.log.join('\n')).toMatch(message);
});

function file(folder: string, text: string): string {
  const path = join(folder, 'services.yaml');
  writeFileSync(path, text);
  return path;
}

/** Sends a group's records, headers and all, into another partition. */
async function copyGroup(
  { kafka, names: { raw } }: Scene,
  group: FetchedBatch['records'],
  partition: number,
): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  const messages = group.map(({ key, value, headers }) => ({
    key,
    value,
    partition,
    headers: Object.fromEntries(headers.map(([name, text]) => [name, text ?? ''])),
  }));
  expect(messages.at(-1)?.headers).toHaveProperty(SOURCE_HEADER);
  await producer.send({ topic: raw, messages });
  await producer.disconnect();
}
