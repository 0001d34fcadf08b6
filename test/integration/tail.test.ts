// `tidemark tail` over a normalizer that runs: what was sealed, what was refused and why, and what comes meanwhile.

import { afterAll, expect, test } from 'vitest';
import { tidemark } from '../unit/cli/command.ts';
import { createScene, encode, endPrograms, eventually, makeEvent, send, startProgram } from './normalizer-program.ts';

afterAll(endPrograms);

test('events are shown as they are sealed, refusals with their reason', async () => {
  const scene = await createScene(2);
  await startProgram(scene.env);
  const command = (...args: string[]) => tidemark(['tail', ...args], { env: scene.env });
  const event = (n: number, action: string) => encode(scene.eventId, makeEvent(n, { action }));
  await send(scene, [event(1, 'account.open'), Buffer.from('poison'), event(2, 'account.close')]);
  await send(scene, [event(3, 'account.lock')], 1);
  await eventually(scene, 3);
  await eventually(scene, 1, 1);

  const all = await command('--since', 'PT1H', '--once');
  expect(all).toMatchObject({ code: 0, stderr: '' });
  const lines = all.stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(4);
  expect(lines.filter(line => line.endsWith('[0:0]'))[0]).toContain('account.open');

  const refused = await command('--since', 'PT1H', '--once', '--refused');
  expect(refused.stdout).toMatch(/^\S+ \S+ {2}audit\.refuse .*REFUSED wrong-magic: .* {2}\[0:1\]\n$/);

  const json = await command('--since', 'PT1H', '--once', '--action', 'account.c*', '--format', 'jsonl');
  expect(JSON.parse(json.stdout)).toMatchObject({
    partition: 0,
    event: { action: 'account.close', targets: [{ type: 'account', id: '2' }], raw: { topic: scene.names.raw } },
  });

  const following = command('--since', 'PT1H', '--action', 'account.close', '--limit', '3');
  await send(scene, [event(4, 'account.close')], 1);
  await send(scene, [event(5, 'account.close')], 0);
  expect((await following).stdout.trimEnd().split('\n')).toHaveLength(3);
});

test('what can not be followed is said', async () => {
  const { env } = await createScene();
  const none = await tidemark(['tail', '--once'], { env: { ...env, TIDEMARK_EVENTS_TOPIC: 'no-such-topic' } });
  expect(none).toMatchObject({ code: 2, stdout: '' });
  expect(none.stderr).toContain('no-such-topic');
  const away = await tidemark(['tail', '--limit', 'many'], { env });
  expect(away).toMatchObject({ code: 2, stderr: expect.stringContaining('expected a whole number above 0') });
});
