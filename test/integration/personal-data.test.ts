// Names, addresses, e-mails, tokens and card numbers, planted in every place that a producer controls, and looked for in all that a whole
// Tidemark leaves behind: the archive, the keys, the topics behind the raw one, logs and metrics. The raw topic holds them in clear until
// its retention, and so shows here that what is looked for would be found.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeDecompress } from '../../core/edge/compression.ts';
import { generatePem, nodeCrypto, signerFromPem } from '../../core/edge/crypto.ts';
import { openKeys } from '../../core/edge/keys/open.ts';
import { keySettings } from '../../core/edge/keys/settings.ts';
import { keyIdsOf, openPersonal } from '../../core/envelope/index.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { parseSegment } from '../../core/proof/segment.ts';
import { s3ConfigOf } from '../../infra/local/bucket.ts';
import { createAuditor } from '../../producers/sdk/index.ts';
import { type AuditRecord, auditRecordType } from '../../schemas/index.ts';
import { stackEnv, stackVariable } from '../stack.ts';
import { tidemark } from '../unit/cli/command.ts';
import {
  createScene,
  encode,
  endPrograms,
  makeEvent,
  origin,
  type Program,
  type Scene,
  startProgram,
  until,
} from './normalizer-program.ts';
import { type Haystack, readTopic, tracesIn } from './traces.ts';

const planted = {
  name: 'Zebulon Quatermain',
  delegator: 'Philomena Ashgrove',
  street: 'Kastanienallee 4711, 10435 Traumstadt',
  email: 'zebulon.q@planted.example',
  address: '198.51.100.237',
  agent: 'PlantedBrowser/77.7',
  session: 'sess-planted-9f8e7d6c',
  subject: 'auth0|planted-subject-42',
};
const secret = {
  github: 'ghp_Plantedplantedplantedplantedplan01',
  aws: 'AKIAPLANTEDPLANTED23',
  card: '4111111111111111',
  spaced: '5500 0000 0000 0004',
};
const all = [...Object.values(planted), ...Object.values(secret)];
const text = all.join(' | ');

const policy = `
version: 1
mask: { secrets: true, cards: true }
rules:
  - { name: say-why, actions: ['invoice.*'], require: [reason], otherwise: flag }
  - { name: no-export, actions: ['person.export'], outcome: refuse }
`;

let scene: Scene;
let env: Record<string, string>;
let trust: string[];
let normalizer: Program;
let archiver: Program;
let s3: S3Client;
const keysBucket = `keys-${randomUUID().slice(0, 13)}`;
const changesTopic = `changes-${randomUUID().slice(0, 13)}`;

beforeAll(async () => {
  for (const [name, value] of Object.entries(stackEnv())) if (name.startsWith('AWS_')) process.env[name] = value;
  const folder = mkdtempSync(join(tmpdir(), 'personal-data-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const secretFile = (name: string): string =>
    file(name, `${Buffer.from(nodeCrypto.sha256(Buffer.from(randomUUID()))).toString('base64')}\n`);
  s3 = new S3Client(s3ConfigOf(stackEnv()));
  await s3.send(new CreateBucketCommand({ Bucket: keysBucket }));
  const log = generatePem();
  scene = await createScene(2, {
    TIDEMARK_ENCRYPTION: 'on',
    TIDEMARK_KEYS_BUCKET: keysBucket,
    TIDEMARK_KEK: secretFile('kek.key'),
    TIDEMARK_LOOKUP_KEY: secretFile('lookup.key'),
    TIDEMARK_POLICY: file('policy.yaml', policy),
    TIDEMARK_PEOPLE: file('people.csv', `id,team,manager\nu-77,billing,m-1\n`),
    TIDEMARK_CATALOGUE: file('catalogue.yaml', 'services:\n  billing: { owner: money, tier: "1" }\n'),
    TIDEMARK_CHANGES_TOPIC: changesTopic,
    TIDEMARK_PERIOD: 'PT3S',
    TIDEMARK_LOG_LEVEL: 'trace',
    TIDEMARK_RETENTION: 'COMPLIANCE PT1H',
  });
  const verifiers = file('normalizer.vkey', `${formatVerifierKey(scene.key.key)}\n`);
  const logKey = formatVerifierKey(signerFromPem(origin, log).key);
  trust = ['--policy', file('policy', `log ${logKey}\nquorum none\n`), '--normalizer-keys', verifiers];
  env = {
    ...scene.env,
    TIDEMARK_GROUP: `${scene.names.group}-archiver`,
    TIDEMARK_LOG_KEY: log,
    TIDEMARK_SEAL_KEY: '',
    TIDEMARK_SEAL_VERIFIERS: verifiers,
    TIDEMARK_SEGMENT_AGE: 'PT1S',
  };
  normalizer = await startProgram(scene.env);
  archiver = await startProgram(env, true, 'archiver');
  await publish();
  await settle();
});
afterAll(() => {
  endPrograms();
  s3.destroy();
});

/** By the SDK: what is accepted, flagged and refused by the policy. */
async function publish(): Promise<void> {
  const audit = createAuditor({
    service: 'billing',
    brokers: stackVariable('KAFKA_BROKERS'),
    registry: stackVariable('SCHEMA_REGISTRY_URL'),
    topic: scene.names.raw,
    key: event => (event.action === 'person.export' ? `${planted.email}/${secret.github}` : planted.name),
  });
  const event = {
    actor: {
      kind: 'human' as const,
      id: 'u-77',
      name: planted.name,
      email: planted.email,
      session: planted.session,
      roles: [`role ${secret.github}`],
      onBehalfOf: [{ kind: 'human' as const, id: 'u-78', name: planted.delegator }],
      credential: { method: 'oidc', issuer: 'https://id.example', subject: planted.subject },
    },
    targets: [
      {
        type: 'invoice',
        id: `inv ${secret.aws}`,
        name: text,
        changes: [{ field: 'note', before: text, after: { text } }],
      },
      {
        type: 'person',
        id: 'u-79',
        person: true,
        name: planted.name,
        changes: [{ field: 'street', after: planted.street }],
      },
    ],
    request: {
      id: `req ${secret.card}`,
      clientAddress: planted.address,
      userAgent: `${planted.agent} ${secret.github}`,
    },
    change: { perimeter: 'deployment', reference: `ref ${secret.github}` },
    attributes: { note: text, nested: { deep: [text] }, [`key ${secret.aws}`]: secret.spaced },
  };
  await audit.record({ ...event, action: 'invoice.cancel', reason: text });
  await audit.record({ ...event, action: 'invoice.close' });
  await audit.record({ ...event, action: 'person.export', reason: text });
  await audit.record({
    ...event,
    action: 'deployment.finish',
    targets: [{ type: 'service', id: 'billing', name: text }],
  });
  await audit.record({
    action: 'account.close',
    target: { type: 'account', id: 'a-1' },
    actor: event.actor,
    reason: text,
  });
  await audit.close();
  await publishBad();
}

/** What no SDK sends: broken records and events that break rules, with keys and headers of any kind. */
async function publishBad(): Promise<void> {
  const { kafka, names, eventId } = scene;
  const producer = kafka.producer();
  await producer.connect();
  const good = encode(eventId, makeEvent(0, { reason: text }));
  const values = [
    good,
    Buffer.from(text),
    good.subarray(0, -3),
    Buffer.concat([good, Buffer.from(text)]),
    encode(eventId, makeEvent(0, { action: text })),
    encode(
      eventId,
      makeEvent(0, { id: text, targets: [{ type: text, id: '', name: text, person: true, changes: [] }] }),
    ),
    encode(eventId, makeEvent(0, { attributes: [1, 2].map(() => ({ key: text, value: { type: 'json', text } })) })),
    null,
  ];
  const headers = { [planted.email]: text, note: Buffer.from(text), traceparent: secret.github };
  const messages = values.map(value => ({ key: `${planted.name} ${secret.card}`, value, partition: 1, headers }));
  await producer.send({ topic: names.raw, messages });
  await producer.disconnect();
}

/** Waits until all of it is archived and listed, then ends both programs. */
async function settle(): Promise<void> {
  const wanted = 13;
  const count = async (): Promise<number> => {
    const { datums } = await archived();
    return datums.filter(({ action }) => action !== 'audit.heartbeat' && action !== 'audit.policy.change').length;
  };
  await until('all is archived', async () => (await count()) >= wanted + 1, 60_000);
  const entries = async (): Promise<number> => Number(/^log of (\d+)/m.exec((await verify()).stdout)?.[1] ?? 0);
  const before = await entries();
  // What was written before this period is listed two periods later.
  await until('the log goes on', async () => (await entries()) >= before + 2);
}

const verify = () => tidemark(['verify', `s3://${scene.names.bucket}/${scene.names.prefix}`, ...trust], { env });

/** All that a bucket holds, each version, with its name and what stands beside it. */
async function bucketOf(bucket: string): Promise<Haystack[]> {
  const found: Haystack[] = [];
  let [KeyMarker, VersionIdMarker]: (string | undefined)[] = [];
  do {
    const page: ListObjectVersionsCommandOutput = await s3.send(
      new ListObjectVersionsCommand({ Bucket: bucket, ...(KeyMarker && { KeyMarker, VersionIdMarker }) }),
    );
    for (const { Key = '', VersionId } of page.Versions ?? []) {
      const version = VersionId && VersionId !== 'null' ? { VersionId } : {};
      const { Body, $metadata, ...beside } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key, ...version }));
      const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
      found.push({ where: `${bucket}/${Key}`, bytes }, { where: `name of ${bucket}/${Key}`, bytes: Buffer.from(Key) });
      found.push({ where: `beside ${bucket}/${Key}`, bytes: Buffer.from(JSON.stringify(beside)) });
    }
    [KeyMarker, VersionIdMarker] = page.IsTruncated ? [page.NextKeyMarker, page.NextVersionIdMarker] : [];
  } while (KeyMarker);
  return found;
}

/** The archive's objects, and each event of its segments, unpacked. */
async function archived(): Promise<{ objects: Haystack[]; datums: AuditRecord[]; bytes: Haystack[] }> {
  const objects = await bucketOf(scene.names.bucket);
  const bytes = objects
    .filter(({ where }) => where.startsWith(`${scene.names.bucket}/`) && where.includes('/events/'))
    .flatMap(({ where, bytes: object }) =>
      parseSegment(nodeCrypto, object, nodeDecompress).runs.flatMap(({ events }) =>
        events.map(({ datum }) => ({ where: `an event of ${where}`, bytes: Buffer.from(datum) })),
      ),
    );
  return { objects, bytes, datums: bytes.map(one => auditRecordType().decode(one.bytes)) };
}

describe('nothing planted is in clear', () => {
  test('but in the raw topic, where the same search finds each', async () => {
    const raw = await readTopic(scene.kafka, scene.names.raw);
    expect(all.filter(plant => tracesIn(raw, [plant]).length === 0)).toEqual([]);
  });

  test('in the archive: objects, names, what stands beside, and unpacked segments', async () => {
    const { objects, bytes, datums } = await archived();
    expect(new Set(datums.map(({ refused }) => refused?.code))).toContain('policy-action');
    expect(datums.filter(({ refused }) => refused !== null).length).toBeGreaterThanOrEqual(8);
    expect(tracesIn(bytes, ['invoice.cancel']).length).toBeGreaterThan(0);
    expect(tracesIn([...objects, ...bytes], all)).toEqual([]);
  });

  test('in the bucket of keys', async () => {
    const keys = await bucketOf(keysBucket);
    expect(keys.length).toBeGreaterThan(9);
    expect(tracesIn(keys, all)).toEqual([]);
  });

  test('in keys, headers and values of the events, and in the topic of changes', async () => {
    const events = await readTopic(scene.kafka, scene.names.events);
    const changes = await readTopic(scene.kafka, changesTopic);
    expect(changes.length).toBeGreaterThan(0);
    expect(tracesIn(events, ['invoice.cancel']).length).toBeGreaterThan(0);
    expect(tracesIn([...events, ...changes], all)).toEqual([]);
  });

  test('in logs and metrics', async () => {
    for (const program of [normalizer, archiver]) {
      const metrics = await (await fetch(`${program.address()}/metrics`)).text();
      expect(metrics).toContain('tidemark_');
      const output = [metrics, ...program.log].map(line => ({ where: 'output', bytes: Buffer.from(line) }));
      expect(tracesIn(output, all)).toEqual([]);
    }
    const metrics = await (await fetch(`${normalizer.address()}/metrics`)).text();
    expect(metrics).toMatch(/flags_total\{code="masked"\} [1-9]/);
    expect(metrics).toMatch(/flags_total\{code="policy-fields"\} [1-9]/);
    expect(metrics).toMatch(/refusals_total\{code="policy-action"\} 1/);
  });
});

test('the archive is intact', async () => {
  const { code, stdout } = await verify();
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^INTACT.* 0 findings/) });
});

test('who holds the keys opens all of it again, secrets still masked', async () => {
  const { datums } = await archived();
  const keys = openKeys(keySettings(env));
  const finder = keys.finder();
  expect(await finder.prepare(datums.flatMap(keyIdsOf))).toEqual([]);
  const opened = datums.map(record => openPersonal(record, finder.find));
  keys.close();
  expect(opened.flatMap(({ fields }) => fields).filter(({ state }) => state !== 'open')).toEqual([]);
  const cancelled = opened.find(({ record }) => record.action === 'invoice.cancel')?.record;
  expect(cancelled?.actor).toMatchObject({ name: planted.name, email: planted.email });
  expect(cancelled?.request?.clientAddress).toBe(planted.address);
  expect(cancelled?.reason).toContain(planted.street);
  expect(cancelled?.reason).toContain('[masked: github-token]');
  const refused = opened.filter(({ record }) => record.refused !== null);
  expect(refused.some(({ record }) => Buffer.from(record.original?.value ?? []).includes(planted.street))).toBe(true);
});
