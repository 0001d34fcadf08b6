// The snippets of the pages for developers of services run as they stand, with events printed instead of recorded.
import { spawn } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../temporary.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const pages = await Promise.all(
  ['publishing', 'spool', 'changes'].map(page => readFile(join(root, `docs/${page}.md`), 'utf8')),
);
const snippets = [...pages.join('').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text]) => text ?? '');

/** What each prints, by a line of it: a snippet that is added wants a line here. */
const EXPECTED: readonly (readonly [string, readonly string[]])[] = [
  ["reason: 'sent twice'", ['audit: invoice.cancel success invoice/inv-1842 by human u-77 because "sent twice"']],
  ['spool: {', ['audit: invoice.pay success invoice/inv-1842']],
  [
    'await audit.with({',
    [
      'audit: invoice.change success invoice/inv-1842 by human u-77 (acme)',
      '    state: "open" → "cancelled"',
      'audit: invoice.refund denied invoice/inv-1842 by human u-77 (acme)',
    ],
  ],
  [
    'defineActions({',
    [
      'audit: customer.erase success customer/c-7',
      'reason: invoice.cancel/required, target.changes: invoice.cancel/required, actor.kind: invoice.cancel/by, actor.roles: invoice.cancel/by',
    ],
  ],
  [
    'recordConfiguration(',
    [
      'audit: configuration.create success configuration/billing, service/billing',
      '    apiKey: nothing → "[masked: secret-field]"',
      '    db.pool.max: nothing → 10',
    ],
  ],
];

const TEST = '@tidemark/sdk/testing';

test('there are as many snippets as are run', () => {
  const known = [...EXPECTED.map(([line]) => line), `${TEST}'`];
  expect(snippets.map(text => known.filter(line => text.includes(line)).length)).toEqual(snippets.map(() => 1));
});

test.each(EXPECTED)('%s', async (line, printed) => {
  const child = start(line);
  expect(await child.end).toBe(0);
  for (const one of printed) expect(child.printed().split('\n')).toContain(one);
});

test(TEST, async () => {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const child = start(`${TEST}'`, file => [vitest, 'run', '--root', dirname(file)]);
  expect([await child.end, child.printed()]).toEqual([0, '']);
});

/** Runs the snippet that has a text, with the sources in the place of the package. */
function start(having: string, by = (file: string) => [file]) {
  const folder = temporaryFolder();
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const text = snippets.find(snippet => snippet.includes(having)) ?? '';
  const sources = (_: string, path = '/index') =>
    `'${root}producers/sdk${path === '/testing' ? '/testing/index' : path}.ts'`;
  const file = join(folder, 'snippet.test.mts');
  writeFileSync(file, text.replace(/'@tidemark\/sdk(\/[a-z/]+)?'/g, sources));
  const env = { PATH: process.env.PATH, TIDEMARK_TRANSPORT: 'console' };
  const child = spawn(process.execPath, by(file), { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', one => {
    printed += one;
  });
  const end = new Promise(resolve => child.once('close', resolve));
  return { end, printed: () => printed };
}
