// The page's examples run as they stand, and it names what there is.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createApiKey, createOidcChecker } from '../../../producers/identity/index.ts';
import { temporaryFolder } from '../../temporary.ts';
import { repository, run } from '../cli/command.ts';
import { AUDIENCE, startIssuer } from './issuer.ts';

const page = readFileSync(join(repository, 'docs/identity.md'), 'utf8');
const examples = (kind: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${kind}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text = '']) => text);

test('the examples run', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'api-keys.yaml');
  const actor = { kind: 'machine' as const, id: 'service/billing' };
  const { key } = createApiKey(
    file,
    { actor, owner: 'u-77', roles: [], by: 'u-9', expiresAt: Date.now() + 60_000 },
    Date.now(),
  );
  const door = join(repository, 'producers/identity/index.ts');
  const [first = '', ...others] = examples('ts').map(text => text.replace('@tidemark/sdk/identity', door));
  const use = `
    const recorded = [];
    const audit = { record: async event => recorded.push(event) };
    await cancelInvoice({ headers: { 'x-api-key': process.env.KEY } }, 'inv-1');
    await cancelInvoice({ headers: {} }, 'inv-2');
    console.log(JSON.stringify(recorded.map(({ target, actor }) => [target.id, actor?.id ?? null])));
    identifier.close();`;
  const names = [`${first}${use}`, ...others].map((text, index) => {
    writeFileSync(join(folder, `example-${index}.mjs`), text);
    return `./example-${index}.mjs`;
  });
  writeFileSync(join(folder, 'all.mjs'), names.map(name => `import '${name}';`).join('\n'));
  const ran = await run(process.execPath, ['all.mjs'], { cwd: folder, env: { KEY: key } });
  expect(ran).toEqual({ code: 0, stderr: '', stdout: '[["inv-1","service/billing"],["inv-2",null]]\n' });
  expect(names.length).toBeGreaterThan(5);
});

test('the chain of delegation is as the page shows', async () => {
  const issuer = await startIssuer();
  const checker = createOidcChecker({ issuer: issuer.url, audience: AUDIENCE });
  const token = await issuer.mint(JSON.parse(examples('json claims')[0] ?? ''));
  const { actor } = await checker.check({ kind: 'token', token });
  expect(actor).toMatchObject(JSON.parse(examples('json actor')[0] ?? ''));
});

test('all codes and attributes are named', () => {
  const source = (name: string) => readFileSync(join(repository, `producers/identity/${name}.ts`), 'utf8');
  const codes = [...source('error').matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, code]) => code);
  const attributes = [...source('github-actions').matchAll(/'(ci\.[a-z]+)'/g)].map(([, name]) => name);
  expect([codes.length, attributes.length].map(length => length > 7)).toEqual([true, true]);
  expect([...codes, ...attributes].filter(name => !page.includes(`\`${name}\``))).toEqual([]);
});
