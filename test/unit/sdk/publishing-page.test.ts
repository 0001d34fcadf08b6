// The snippets of the page for developers of services run as they stand, with events printed instead of recorded.
import { execFile } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../temporary.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const execute = promisify(execFile);
const page = await readFile(join(root, 'docs/publishing.md'), 'utf8');
const snippets = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text]) => text ?? '');

/** What each prints, by a line of it: a snippet that is added wants a line here. */
const EXPECTED: readonly (readonly [string, readonly string[]])[] = [
  ['await audit.record({', ['audit: invoice.cancel success invoice/inv-1842 by human u-77 because "sent twice"']],
  [
    'await audit.with({',
    [
      'audit: invoice.change success invoice/inv-1842 by human u-77 (acme)',
      '    state: "open" → "cancelled"',
      'audit: invoice.refund denied invoice/inv-1842 by human u-77 (acme)',
    ],
  ],
];

test('there are as many snippets as are run', () => {
  expect(snippets.map(text => EXPECTED.filter(([line]) => text.includes(line)).length)).toEqual(snippets.map(() => 1));
});

test.each(EXPECTED)('%s', async (line, printed) => {
  const text = snippets.find(snippet => snippet.includes(line)) ?? '';
  const { stderr } = await run(text);
  for (const one of printed) expect(stderr.split('\n')).toContain(one);
});

/** Runs a snippet with the sources in the place of the package. */
function run(text: string): Promise<{ stdout: string; stderr: string }> {
  const folder = temporaryFolder();
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const module = text.replace(
    /'@tidemark\/sdk(\/[a-z/]+)?'/g,
    (_, path = '/index') => `'${root}/producers/sdk${path}.ts'`,
  );
  writeFileSync(join(folder, 'snippet.mts'), module);
  const env = { PATH: process.env.PATH, TIDEMARK_TRANSPORT: 'console' };
  return execute(process.execPath, ['snippet.mts'], { cwd: folder, env, timeout: 60_000 });
}
