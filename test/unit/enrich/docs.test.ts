// The page's examples are read as it says, and it names what there is.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseCatalogue } from '../../../consumers/normalizer/enrich/catalogue-file.ts';
import { parsePeople } from '../../../consumers/normalizer/enrich/people-file.ts';

const page = readFileSync('docs/enrichment.md', 'utf8');
const source = (name: string) => readFileSync(`consumers/normalizer/enrich/${name}.ts`, 'utf8');
const examples = (kind: string) =>
  [...page.matchAll(new RegExp(`\`\`\`\\w+ ${kind}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text = '']) => text);

test('the examples are read as the page says', () => {
  expect(examples('catalogue').flatMap(text => parseCatalogue(text, 'page'))).toEqual([
    ['billing', { owner: 'team-payments', tier: '1', repository: 'https://github.com/example/billing' }],
    ['mail', { owner: 'team-platform', tier: null, repository: null }],
    ['orders', { owner: 'team-orders', tier: 'gold', repository: 'https://github.com/example/orders' }],
  ]);
  expect(examples('people').map(text => Object.fromEntries(parsePeople(text)))).toEqual([
    { 'u-1842': { team: 'team-engines', manager: 'u-77' }, 'u-77': { team: 'team-engines', manager: null } },
  ]);
});

test('all scopes, metrics and verbs that are left out are named', () => {
  const scopes = [...source('address').matchAll(/^ {2}\| '([a-z0-9-]+)'/gm)].map(([, name]) => name);
  const metrics = [...source('events').matchAll(/counter\('([a-z_]+)'/g)].map(
    ([, name]) => `tidemark_normalizer_${name}`,
  );
  const verbs =
    /ON_ITS_WAY: [\s\S]*?new Set\(([\s\S]*?)\.split/.exec(source('change-of'))?.[1]?.match(/[a-z-]+/g) ?? [];
  const kinds = [...source('change-of').matchAll(/^ {2}\['([a-z-]+)', '/gm)].map(([, name]) => `${name}.`);
  expect([scopes, metrics, verbs, kinds].map(({ length }) => length > 2)).toEqual([true, true, true, true]);
  expect([...scopes, ...metrics, ...verbs, ...kinds].filter(name => !page.includes(`\`${name}\``))).toEqual([]);
});
