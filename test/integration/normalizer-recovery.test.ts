// Where a normalizer goes on when its own output can't tell: from the archive, in a new generation, after a colleague with another key.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compressors } from '../../core/edge/compression.ts';
import { generatePem, nodeCrypto, signerFromPem } from '../../core/edge/crypto.ts';
import { openS3Bucket } from '../../core/edge/s3/s3-bucket.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { buildSegment, segmentKey } from '../../core/proof/segment.ts';
import { auditRecordText } from '../../schemas/index.ts';
import { freshNames, stackEnv } from '../stack.ts';
import { temporaryFolder } from '../temporary.ts';
import {
  createScene,
  encode,
  endPrograms,
  eventually,
  makeEvent,
  origin,
  readEvidence,
  type Scene,
  send,
  startProgram,
  until,
} from './normalizer-program.ts';

beforeAll(() => {
  // The AWS SDK has its credentials from there.
  for (const [name, value] of Object.entries(stackEnv())) if (name.startsWith('AWS_')) process.env[name] = value;
});
afterAll(endPrograms);

const three = (scene: Scene) => [0, 1, 2].map(n => encode(scene.eventId, makeEvent(n)));

/** A scene with three sealed events, and no program running. */
async function createSealed(): Promise<Scene> {
  const scene = await createScene();
  const program = await startProgram(scene.env);
  await send(scene, three(scene));
  await eventually(scene, 3);
  expect(await program.kill('SIGTERM')).toBe(0);
  return scene;
}

async function endOf(env: Record<string, string>): Promise<string> {
  const { child, log } = await startProgram(env, false);
  await until('it ends', () => child.exitCode !== null);
  expect(child.exitCode).toBe(1);
  return log.join('\n');
}

test('an empty events topic: the chain goes on from the end of the archive', async () => {
  const scene = await createSealed();
  const before = await readEvidence(scene);
  const [first] = before.seals;
  if (!first) throw new Error('no seal');
  const bytes = buildSegment(nodeCrypto.sha256, auditRecordText, before.runs, 'zstandard', compressors.zstandard);
  const { bucket, prefix } = scene.names;
  const s3 = openS3Bucket({ bucket, prefix, endpoint: stackEnv().S3_ENDPOINT, mode: 'COMPLIANCE' });
  await s3.create(segmentKey(first), bytes, Date.now() + 60_000);
  s3.close();

  const events = freshNames().events;
  const admin = scene.kafka.admin();
  await admin.connect();
  const configEntries = [{ name: 'max.message.bytes', value: '4194304' }];
  await admin.createTopics({ topics: [{ topic: events, numPartitions: 1, configEntries }], waitForLeaders: true });
  await admin.disconnect();
  const anew = { ...scene, names: { ...scene.names, events } };
  const program = await startProgram({ ...scene.env, TIDEMARK_EVENTS_TOPIC: events });
  await send(anew, three(scene));
  await until('three more', async () => (await readEvidence(anew, 0, before.end)).events.length === 3);
  const after = await readEvidence(anew, 0, before.end);
  expect(after.seals[0]?.first).toBe(before.end.next);
  await program.kill('SIGTERM');
});

test('a raw topic that was created anew is fatal, and says that the generation must rise; then it is a restart', async () => {
  const scene = await createSealed();
  const before = await readEvidence(scene);
  const admin = scene.kafka.admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [scene.names.raw] });
  await until('it is gone', async () => !(await admin.listTopics()).includes(scene.names.raw));
  const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
  const topic = { topic: scene.names.raw, numPartitions: 1, configEntries };
  await until('it is there anew', () =>
    admin.createTopics({ topics: [topic], waitForLeaders: true }).catch(() => false),
  );
  await admin.disconnect();
  await send(scene, three(scene).slice(0, 1));
  expect(await endOf(scene.env)).toContain('TIDEMARK_GENERATION one higher');

  const program = await startProgram({ ...scene.env, TIDEMARK_GENERATION: '1' });
  await eventually(scene, 4);
  const after = await readEvidence(scene);
  expect(after.seals.at(-1)).toMatchObject({ generation: 1, first: 0n, next: 1n });
  expect(after.events.slice(0, 3)).toEqual(before.events);
  await program.kill('SIGTERM');
  expect(await endOf(scene.env)).toContain('TIDEMARK_GENERATION is 0');
});

test('a chain whose end is signed by a key that is not accepted is gone on from only when it is', async () => {
  const scene = await createSealed();
  const pem = generatePem();
  const env = { ...scene.env, TIDEMARK_SEAL_KEY: pem };
  expect(await endOf(env)).toContain('TIDEMARK_SEAL_VERIFIERS');
  const verifiers = join(temporaryFolder(), 'verifiers');
  await writeFile(verifiers, `${formatVerifierKey(scene.key.key)}\n`);
  const program = await startProgram({ ...env, TIDEMARK_SEAL_VERIFIERS: verifiers });
  await send(scene, three(scene));
  const both = [scene.key.key, signerFromPem(sealKeyName(origin), pem).key];
  await until('six', async () => (await readEvidence({ ...scene, verifiers: both })).events.length === 6);
  await program.kill('SIGTERM');
});
