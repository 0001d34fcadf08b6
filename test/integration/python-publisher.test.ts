// A publisher without the SDK, in another language: its events are accepted, numbered, and end as they should.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { fetchOnce } from '../../infra/local/fetch/once.ts';
import { pythonPackage } from '../../infra/local/fetch/packages.ts';
import { createScene, endPrograms, readEvidence, startProgram, until } from './normalizer-program.ts';

afterAll(endPrograms);

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

test("what confluent-kafka and fastavro publish is evidence like the SDK's", async () => {
  const packages = await fetchOnce(pythonPackage, () => undefined);
  const scene = await createScene();
  await startProgram(scene.env);
  const env = {
    ...process.env,
    ...scene.env,
    PYTHONPATH: packages,
    PYTHONNOUSERSITE: '1',
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const script = [path('producers/examples/python/publish.py'), path('schemas/audit-event.avsc')];
  const { stdout } = await promisify(execFile)('python3', script, { env });
  await until('all are sealed', async () => (await readEvidence(scene)).events.length === 3);
  const { events } = await readEvidence(scene);
  expect(events.map(({ refused }) => refused)).toEqual([null, null, null]);
  expect(events.slice(0, 2).map(({ id }) => id)).toEqual(stdout.trim().split('\n'));
  expect(events).toMatchObject([
    { action: 'account.close', reason: 'asked for', targets: [{ changes: [{ before: { text: 'open' } }] }] },
    { action: 'account.open', actor: { kind: 'machine', id: 'batch' }, attribution: 'asserted' },
    { action: 'audit.close', producer: { last: true } },
  ]);
  expect(events.map(({ producer }) => producer?.sequence)).toEqual([0, 1, 2]);
});
