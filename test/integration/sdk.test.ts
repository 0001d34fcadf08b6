// The SDK on real servers: what `record` says is there is there, as the archive format wants it.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import { expect, test } from 'vitest';
import { type AuditorOptions, createAuditor } from '../../producers/sdk/index.ts';
import { Spool } from '../../producers/sdk/spool/spool.ts';
import { auditEventText, auditEventType, openRegistry, subjectFor } from '../../schemas/index.ts';
import { createFresh, freshNames, stackEnv, stackVariable } from '../stack.ts';
import { temporaryFolder } from '../temporary.ts';
import { makeEvent } from './normalizer-program.ts';
import { readRaw } from './sdk-topic.ts';

const sdk = fileURLToPath(new URL('../../producers/sdk/index.ts', import.meta.url));

function options(topic: string, changes: Partial<AuditorOptions> = {}): AuditorOptions {
  const brokers = stackVariable('KAFKA_BROKERS');
  return { service: 'test', brokers, registry: stackVariable('SCHEMA_REGISTRY_URL'), topic, ...changes };
}
const event = (id: string) => ({ action: 'account.close', target: { type: 'account', id } });

async function limitTopic(topic: string, bytes: number): Promise<void> {
  const kafka = new Kafka({ brokers: stackVariable('KAFKA_BROKERS').split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = [{ name: 'max.message.bytes', value: String(bytes) }];
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }];
  await admin.alterConfigs({ validateOnly: false, resources });
  await admin.disconnect();
}

test('what was recorded is in the topic: numbered without holes, in order of its key, with the text that was registered', async () => {
  const { raw } = await createFresh(3);
  const auditor = createAuditor(options(raw));
  const ids = await Promise.all(Array.from({ length: 200 }, (_, index) => auditor.record(event(String(index % 10)))));
  auditor.emit(event('last'));
  await auditor.close();

  const records = await readRaw(raw, 202);
  expect(records).toHaveLength(202);
  const inOrder = records.toSorted((a, b) => Number(a.event.producer?.sequence) - Number(b.event.producer?.sequence));
  expect(inOrder.map(one => one.event.producer?.sequence)).toEqual(Array.from({ length: 202 }, (_, index) => index));
  expect(inOrder.slice(0, 200).map(one => one.event.id)).toEqual(ids);
  expect(inOrder.at(-1)?.event).toMatchObject({ action: 'audit.close', producer: { last: true } });
  for (const one of records) {
    expect(one.headers).toEqual({
      'tidemark-instance': auditor.instance,
      'tidemark-sequence': String(one.event.producer?.sequence),
    });
    expect(one.key).toBe(`${one.event.targets[0]?.type}/${one.event.targets[0]?.id}`);
  }
  expect(new Set(records.map(one => one.partition)).size).toBe(3);
  for (const key of new Set(records.map(one => one.key))) {
    const ofKey = records.filter(one => one.key === key);
    expect(new Set(ofKey.map(one => one.partition)).size).toBe(1);
    const sequences = ofKey.map(one => Number(one.event.producer?.sequence));
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
  }

  const registry = openRegistry({ url: stackVariable('SCHEMA_REGISTRY_URL') });
  expect(await registry.textOf(records[0]?.schemaId ?? -1)).toBe(auditEventText);
});

test('a batch is split where the topic takes less, and an event that is too large for it is refused and abandoned', async () => {
  const { raw } = await createFresh();
  await limitTopic(raw, 500_000);
  const auditor = createAuditor(options(raw));
  const attributes = { k: 'x'.repeat(200_000) };
  await Promise.all([1, 2, 3, 4].map(() => auditor.record({ ...event('1'), attributes })));
  const larger = { ...event('1'), attributes: { ...attributes, l: attributes.k, m: attributes.k } };
  await expect(auditor.record(larger)).rejects.toMatchObject({ code: 'too-large' });
  await auditor.close();
  const records = await readRaw(raw, 5);
  expect(records.map(one => one.event.producer)).toMatchObject([
    ...[0, 1, 2, 3].map(sequence => ({ sequence, last: false, abandoned: [] })),
    { sequence: 5, last: true, abandoned: [{ first: 4, last: 4 }] },
  ]);
});

test('what an SDK of another schema left in a spool is sent under that schema, before what this one records', async () => {
  const { raw } = await createFresh();
  const directory = join(temporaryFolder(), 'spool');
  const olderText = JSON.stringify({ ...JSON.parse(auditEventText), doc: 'as another version had it' });
  const older = await Spool.open({ directory, maxBytes: 10_000_000, schema: olderText }, () => false);
  const left = makeEvent(0);
  await older.append([{ id: left.id, key: 'k', headers: {}, datum: auditEventType().encode(left) }]);
  await older.close();
  const auditor = createAuditor(options(raw, { spool: { directory } }));
  const id = await auditor.record(event('1'));
  await auditor.close();
  const [first, second] = await readRaw(raw, 3);
  expect([first?.event.id, second?.event.id]).toEqual([left.id, id]);
  const registry = openRegistry({ url: stackVariable('SCHEMA_REGISTRY_URL') });
  expect(await registry.textOf(first?.schemaId ?? -1)).toBe(olderText);
  expect(await registry.textOf(second?.schemaId ?? -1)).toBe(auditEventText);
});

test('the registry refuses an incompatible schema, and looking up finds only what is registered', async () => {
  const url = stackVariable('SCHEMA_REGISTRY_URL');
  const subject = subjectFor(freshNames().raw);
  const id = await openRegistry({ url }).register(subject, auditEventText);
  expect(await openRegistry({ url, registration: 'lookup' }).register(subject, auditEventText)).toBe(id);
  const changed = JSON.parse(auditEventText);
  changed.fields.push({ name: 'added', type: 'string' });
  await expect(openRegistry({ url }).register(subject, JSON.stringify(changed))).rejects.toMatchObject({
    code: 'incompatible',
  });
  const missing = openRegistry({ url, registration: 'lookup' }).register(subjectFor(freshNames().raw), auditEventText);
  await expect(missing).rejects.toMatchObject({ code: 'not-registered' });
  await expect(openRegistry({ url }).textOf(2_000_000_000)).rejects.toMatchObject({ code: 'unknown-schema' });
});

test('a registration that was killed before it named the rule is finished by the next; a rule that somebody chose stays', async () => {
  const url = stackVariable('SCHEMA_REGISTRY_URL');
  const headers = { 'content-type': 'application/json' };
  const put = (path: string, body: object, method = 'PUT') =>
    fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) });
  const [cut, chosen] = [subjectFor(freshNames().raw), subjectFor(freshNames().raw)];
  for (const subject of [cut, chosen]) await put(`/subjects/${subject}/versions`, { schema: auditEventText }, 'POST');
  expect((await put(`/config/${chosen}`, { compatibility: 'BACKWARD' })).ok).toBe(true);
  const id = await openRegistry({ url }).register(cut, auditEventText);
  expect(await openRegistry({ url, registration: 'lookup' }).register(cut, auditEventText)).toBe(id);
  expect(await (await fetch(`${url}/config/${cut}`)).json()).toMatchObject({ compatibilityLevel: 'FULL_TRANSITIVE' });
  await expect(openRegistry({ url }).register(chosen, auditEventText)).rejects.toMatchObject({
    code: 'compatibility-differs',
  });
});

test('brokers that are away, a topic that is missing: told after the delivery timeout', async () => {
  const { raw } = freshNames();
  const away = createAuditor(options(raw, { brokers: '127.0.0.1:1', deliveryTimeoutMs: 1500 }));
  await expect(away.record(event('1'))).rejects.toMatchObject({ code: 'not-sent' });
  const missing = createAuditor(options(raw, { deliveryTimeoutMs: 5000 }));
  await expect(missing.record(event('1'))).rejects.toMatchObject({
    code: 'not-sent',
    message: expect.stringContaining(`the brokers know no topic ${raw}: it has to be created`),
  });
  await Promise.all([away.close({ timeoutMs: 1 }), missing.close({ timeoutMs: 1 })]);
});

test('a forgotten auditor sends what it has, says nothing, and lets the process end', async () => {
  const { raw } = await createFresh();
  const script = `import { createAuditor } from ${JSON.stringify(sdk)};
    const audit = createAuditor({ service: 'forgetful' });
    audit.emit(${JSON.stringify(event('1'))});`;
  const env = { ...process.env, ...stackEnv(), TIDEMARK_RAW_TOPIC: raw };
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env, timeout: 30_000 });
  expect(await run).toEqual({ stdout: '', stderr: '' });
  expect(await readRaw(raw, 1)).toHaveLength(1);
});
