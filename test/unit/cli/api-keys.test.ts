// What an operator types to make, list and revoke API keys.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openApiKeyChecker } from '../../../producers/identity/index.ts';
import { temporaryFolder } from '../../temporary.ts';
import { tidemark } from './command.ts';

const grant = [
  '--actor',
  'service/billing',
  '--kind',
  'machine',
  '--owner',
  'u-77',
  '--by',
  'u-9',
  '--expires',
  'P90D',
];

test('a key is printed once, accepted, listed without it, and revoked', async () => {
  const file = join(temporaryFolder(), 'keys.yaml');
  const made = await tidemark(['api-keys', 'create', ...grant, '--role', 'publisher', '--file', file]);
  const key = made.stdout.trim();
  const [, id = ''] = key.split('_');
  expect(made).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^key \w{12} for machine service\/billing, until /),
  });
  expect(made.stderr).not.toContain(key);
  const checker = await openApiKeyChecker({ file });
  expect(await checker.check({ kind: 'api-key', key })).toMatchObject({
    actor: { id: 'service/billing', roles: ['publisher'] },
  });
  checker.close();

  const env = { TIDEMARK_API_KEYS: file };
  const whole = await tidemark(['api-keys', 'revoke', key, '--by', 'u-9'], { env });
  expect(whole).toMatchObject({ code: 2, stdout: '' });
  expect(whole.stderr).not.toContain(key.slice(20));
  const revoked = await tidemark(['api-keys', 'revoke', id, '--by', 'u-9', '--reason', 'left in a log'], { env });
  expect(revoked).toMatchObject({ code: 0, stdout: `${id}\n` });
  const { stdout } = await tidemark(['api-keys', 'list'], { env });
  expect(stdout).toMatch(
    /^\w{12} {2}…\w{4} {2}revoked {2}\S+Z {2}machine service\/billing {2}owner u-77 {2}revoked \S+Z by u-9: left in a log\n$/,
  );
  expect(stdout).toContain(`${id}  …${key.slice(-4)}`);
  expect(readFileSync(file, 'utf8')).not.toContain(key.slice(20));
});

test('what is missing or wrong is said, and ends with 2', async () => {
  const file = ['--file', join(temporaryFolder(), 'keys.yaml')];
  const cases: [string[], RegExp][] = [
    [['create', ...grant.with(1, 'ada@example.com'), ...file], /actor\.id: expected a pseudonymous id/],
    [['list'], /TIDEMARK_API_KEYS/],
  ];
  for (const [args, message] of cases) {
    const ran = await tidemark(['api-keys', ...args], { env: { TIDEMARK_API_KEYS: undefined } });
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
  }
});
