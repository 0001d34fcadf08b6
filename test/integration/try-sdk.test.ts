// One of the ways that `npm run try:sdk` goes, as a user runs it, on the run's servers.

import { expect, test } from 'vitest';
import { stackEnv } from '../stack.ts';
import { repository, run } from '../unit/cli/command.ts';

const trySdk = (...args: string[]) =>
  run(process.execPath, ['test/try-sdk/main.ts', ...args], { cwd: repository, env: stackEnv() });

test('an empty project has its event in a verified archive', async () => {
  const { code, stdout, stderr } = await trySdk('--only', 'express/24');
  expect(code, `${stdout}${stderr}`).toBe(0);
  expect(stdout).toMatch(/✓ express \d+\.\d+\.\d+ on Node 24: the event is proven, the archive intact/);
  expect(stdout).toMatch(/^ +express \S+ on Node 24( +\d+\.\d){8}$/m);
}, 300_000);

test('what there is not to try is said', async () => {
  const { code, stderr } = await trySdk('--only', 'koa/24');
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('--only is koa/24, expected one of fastify/22, fastify/24'),
  ]);
});
