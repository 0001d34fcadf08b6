// `tidemark gate` before a deployment, over a normalizer that runs: closed until the approval is sealed, and as strict as its rules.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder } from '../temporary.ts';
import { tidemark } from '../unit/cli/command.ts';
import { createScene, encode, endPrograms, eventually, makeEvent, send, startProgram } from './normalizer-program.ts';

afterAll(endPrograms);

test('a gate opens when the approval is there, and not for an identity that nobody checked', async () => {
  const scene = await createScene();
  await startProgram(scene.env);
  const folder = temporaryFolder();
  const gate = (identity: string) => {
    const rules = join(folder, `${identity}.yaml`);
    const rule = `{ name: approval, actions: [deployment.approve], target: 'release/{service}@{version}', identity: ${identity} }`;
    writeFileSync(rules, `version: 1\nrules:\n  - ${rule}\n`);
    return tidemark(['gate', '--rules', rules, '--service', 'billing', '--version', '1.4.0'], { env: scene.env });
  };
  expect(await gate('asserted')).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^FAILED {2}approval: found 0/),
  });
  const nobody = { name: null, email: null, roles: [], session: null, onBehalfOf: [], credential: null };
  const approval = makeEvent(1, {
    action: 'deployment.approve',
    actor: { kind: 'human', id: 'u-9', ...nobody },
    targets: [{ type: 'release', id: 'billing@1.4.0', name: null, person: false, changes: [] }],
  });
  await send(scene, [encode(scene.eventId, approval)]);
  await eventually(scene, 1);
  expect(await gate('asserted')).toEqual({
    code: 0,
    stdout: `ok      approval: u-9 (event ${approval.id})\n`,
    stderr: '',
  });
  expect(await gate('verified')).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('not counted: 1 with an identity that is less than verified'),
  });
  const unsaid = await tidemark(['gate', '--rules', join(folder, 'verified.yaml')], { env: scene.env });
  expect(unsaid).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('give --service') });
});
