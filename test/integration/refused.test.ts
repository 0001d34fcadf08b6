// `tidemark refused`: records that a policy did not accept are listed, shown to who may open them, and sent again once it does.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, expect, test } from 'vitest';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { generateSecret } from '../../core/edge/keys/secret-file.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { s3ConfigOf } from '../../infra/local/bucket.ts';
import { stackEnv } from '../stack.ts';
import { tidemark } from '../unit/cli/command.ts';
import {
  createScene,
  encode,
  endPrograms,
  makeEvent,
  readEvidence,
  send,
  startProgram,
  until,
} from './normalizer-program.ts';

afterAll(endPrograms);

const folder = mkdtempSync(join(tmpdir(), 'tidemark-refused-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};
const demanding =
  'version: 1\nrules:\n  - { name: closing, actions: [account.close], require: [reason], otherwise: refuse }\n';

async function createSealedScene() {
  const keys = `keys-${randomUUID().slice(0, 13)}`;
  const s3 = new S3Client(s3ConfigOf(stackEnv()));
  await s3.send(new CreateBucketCommand({ Bucket: keys }));
  s3.destroy();
  return createScene(2, {
    TIDEMARK_ENCRYPTION: 'on',
    TIDEMARK_KEYS_BUCKET: keys,
    TIDEMARK_KEK: file('kek', generateSecret()),
    TIDEMARK_LOOKUP_KEY: file('lookup', generateSecret()),
    TIDEMARK_POLICY: file('policy.yaml', demanding),
  });
}

test('refused records are listed, shown with a reason, and accepted when they are sent again', async () => {
  const scene = await createSealedScene();
  const pem = generatePem();
  const operator = {
    TIDEMARK_APPROVER_KEY: file('anna.pem', pem),
    TIDEMARK_APPROVERS: file('approvers', `${formatVerifierKey(signerFromPem('op-anna', pem).key)}\n`),
  };
  const refused = (args: string[], more: Record<string, string> = {}) =>
    tidemark(['refused', ...args], { env: { ...scene.env, ...more } });
  const all = async () =>
    (await Promise.all([0, 1].map(partition => readEvidence(scene, partition)))).flatMap(({ events }) => events);
  const event = makeEvent(7, { producer: { instance: 'i-1', sequence: 3, last: false, abandoned: [] } });
  const strict = await startProgram(scene.env);
  await send(scene, [encode(scene.eventId, event)], 1, { 'tidemark-source': 'a proof', trace: 'abc' });
  await send(scene, [Buffer.from('poison')], 0);
  await until('both are refused', async () => (await all()).filter(one => one.refused !== null).length === 2);
  await strict.kill('SIGTERM');

  const listed = await refused(['ls']);
  expect(listed).toMatchObject({ code: 0, stderr: '2 refused records, 2 not accepted since\n' });
  const line = listed.stdout.split('\n').find(text => text.includes('policy-fields')) ?? '';
  expect(line).toMatch(new RegExp(`  ${scene.names.raw}/0/1/\\d+  by i-1/3  policy-fields: rule closing `));
  const id = line.split('  ')[1] ?? '';

  const shown = await refused(['show', id]);
  expect(JSON.parse(shown.stdout)).toMatchObject({ retries: [], event: { id, original: { value: null } } });
  expect(await refused(['show', id, '--reveal'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--reason'),
  });
  const unnamed = await refused(['show', id, '--reveal', '--reason', 'INC-7']);
  expect(unnamed).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('TIDEMARK_APPROVER_KEY') });
  const revealed = await refused(['show', id, '--reveal', '--reason', 'INC-7'], operator);
  expect(revealed).toMatchObject({ code: 0, stderr: '' });
  const value = encode(scene.eventId, event).toString('base64');
  expect(JSON.parse(revealed.stdout)).toMatchObject({ event: { original: { value, sealed: null } } });

  file('policy.yaml', demanding.replace('refuse', 'flag'));
  await startProgram(scene.env);
  const retried = await refused(['retry', id, '--reason', 'INC-7: the rule was wrong'], operator);
  expect(retried).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(`^${id} sent again: partition 1, offset \\d+\n$`),
  });
  await until('it is accepted', async () => (await all()).some(one => one.id === event.id));
  const sealed = await all();
  expect(sealed.find(one => one.id === event.id)).toMatchObject({
    action: 'account.close',
    refused: null,
    producer: event.producer,
    flags: expect.arrayContaining([
      { code: 'retried', field: null, note: `the record was sent again; its first try is the refusal ${id}` },
    ]),
  });
  const told = sealed.filter(({ action }) => action.startsWith('audit.re') && action !== 'audit.refuse');
  expect(told.map(({ action }) => action).sort()).toEqual(['audit.retry', 'audit.reveal']);

  const later = await refused(['ls']);
  expect(later.stderr).toBe('2 refused records, 1 not accepted since\n');
  expect(later.stdout).toContain(`  sent again: accepted as ${event.id}\n`);
  const twice = await refused(['retry', id, '--reason', 'again'], operator);
  expect(twice).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--again') });
  const none = await refused(['retry', randomUUID(), '--reason', 'x'], operator);
  expect(none).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('refused ls') });
});
