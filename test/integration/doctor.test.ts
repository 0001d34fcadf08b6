// `tidemark doctor`: an event on its way, stage by stage, as its publisher would ask for it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { temporaryFolder } from '../temporary.ts';
import { tidemark } from '../unit/cli/command.ts';
import {
  createScene,
  encode,
  endPrograms,
  eventually,
  makeEvent,
  send,
  startProgram,
  until,
} from './normalizer-program.ts';

afterAll(endPrograms);

test('says where an event is: sent, sealed or refused, archived and proven, or nowhere', async () => {
  const folder = temporaryFolder();
  const logPem = generatePem();
  const scene = await createScene(1, { TIDEMARK_PERIOD: 'PT5S', TIDEMARK_RETENTION: 'COMPLIANCE PT1H' });
  const { env, names, key } = scene;
  const origin = env.TIDEMARK_ORIGIN ?? '';
  const [policy, keys] = [join(folder, 'policy'), join(folder, 'normalizer.vkey')];
  writeFileSync(policy, `log ${formatVerifierKey(signerFromPem(origin, logPem).key)}\nquorum none\n`);
  writeFileSync(keys, `${formatVerifierKey(key.key)}\n`);
  const doctor = (id: string, ...more: string[]) => tidemark(['doctor', ...more, '--event', id], { env });
  const good = makeEvent(1);
  const bad = makeEvent(2, { action: 'NOT AN ACTION' });

  await send(scene, [encode(scene.eventId, good), encode(scene.eventId, bad)]);
  const sent = await doctor(good.id);
  expect(sent).toMatchObject({ code: 0, stderr: '' });
  expect(sent.stdout).toMatch(/^sent {6}\S+Z, partition 0, offset 0\nsealed {4}not found .+\n/);
  expect(sent.stdout).toContain('It is sent and not sealed');

  await startProgram(env);
  await eventually(scene, 2);
  const sealed = await doctor(good.id);
  expect(sealed).toMatchObject({ code: 0, stdout: expect.stringMatching(/\nsealed {4}\S+Z, partition 0, offset 0\n/) });
  const refused = await doctor(bad.id);
  expect(refused).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/\nrefused {3}\S+Z.+\n {10}invalid: .*action: /),
  });

  const archiver = {
    ...env,
    TIDEMARK_GROUP: `${names.group}-a`,
    TIDEMARK_LOG_KEY: logPem,
    TIDEMARK_SEGMENT_AGE: 'PT1S',
  };
  await startProgram(archiver, true, 'archiver');
  const location = [`s3://${names.bucket}/${names.prefix}`, '--policy', policy, '--normalizer-keys', keys];
  await until('the event is proven', async () => {
    const { stdout } = await doctor(good.id, ...location);
    return /\narchived {2}events\/\S+: proven\nIt is in the archive, and proven\.\n$/.test(stdout);
  });
  expect(await doctor(bad.id, ...location)).toMatchObject({ code: 1, stdout: expect.stringContaining('proven') });
  const nowhere = await doctor('0b7c2a52-6f0c-4b52-9d5e-3c1a4a0f7d11', ...location);
  expect(nowhere).toMatchObject({ code: 2, stdout: expect.stringContaining('It is nowhere') });
});
