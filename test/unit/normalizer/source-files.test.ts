// Files of registered services: read strictly, all that is wrong in one list, and never half of a new state.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { parseServices, readServices, serviceFiles } from '../../../consumers/normalizer/sources/file.ts';
import { openSources } from '../../../consumers/normalizer/sources/open.ts';
import { ownService } from '../../../consumers/normalizer/sources/own.ts';
import { formatVerifierKey } from '../../../core/proof/note.ts';
import { temporaryFolder } from '../../temporary.ts';
import { problemsOf } from './setting-problems.ts';
import { billing, gateway } from './source-groups.ts';

const billingKey = formatVerifierKey(billing.signer.key);
const gatewayKey = formatVerifierKey(gateway.signer.key);
const good = `version: 1
services:
  billing:
    owner: team-payments
    keys: ['${billingKey} 2026-01-05T00:00:00Z 2027-01-05T00:00:00Z']
    actions: ['invoice.*', audit.reveal]
    alwaysSigns: true
  gateway:
    owner: team-platform
    keys: ['${gatewayKey}']
    actions: ['*']
    onBehalfOf: ['shop-*']
  legacy: { owner: team-old, actions: [] }
`;

test('a file says who may sign, by which keys and until when, and what for', () => {
  expect(parseServices(good, 'services.yaml')).toMatchObject([
    {
      name: 'billing',
      owner: 'team-payments',
      keys: [{ key: { name: 'billing/source' }, first: Date.UTC(2026, 0, 5), last: Date.UTC(2027, 0, 5) }],
      actions: ['invoice.*', 'audit.reveal'],
      onBehalfOf: [],
      alwaysSigns: true,
    },
    { name: 'gateway', onBehalfOf: ['shop-*'], alwaysSigns: false },
    { name: 'legacy', keys: [], actions: [] },
  ]);
});

test('all that is wrong is told at once, with its line', async () => {
  const bad = `version: 2
services:
  billing:
    owner: ''
    keys: [nonsense, '${gatewayKey}']
    actions: [Invoice]
    onBehalf: [x]
  a b: { owner: o, actions: [], alwaysSigns: true }
  c: { owner: o, onBehalfOf: ['*'], actions: '*' }
`;
  const found = await problemsOf(() => parseServices(bad, 's.yaml'));
  expect(found).toEqual([
    'TIDEMARK_SERVICES (s.yaml:1: version): 2 / 1',
    'TIDEMARK_SERVICES (s.yaml:4: services.billing.owner): "" / the team that answers for it',
    expect.stringMatching(/\(s\.yaml:5: services\.billing\.keys\[0\]\): "nonsense" \/ an Ed25519 verifier key/),
    expect.stringMatching(/\(s\.yaml:6: services\.billing\.actions\[0\]\): "Invoice" \/ an action or a pattern/),
    expect.stringMatching(/\(s\.yaml:7: services\.billing\): the key "onBehalf", which means nothing here/),
    expect.stringMatching(/\(s\.yaml:9: services\.c\.actions\): "\*" \/ a list/),
  ]);
  const names = bad
    .replace('version: 2', 'version: 1')
    .replace("owner: ''", 'owner: o')
    .replace('nonsense, ', '')
    .replace('[Invoice]\n    onBehalf: [x]', '[]')
    .replace("'*' }", '[] }');
  expect(await problemsOf(() => parseServices(names, 's.yaml'))).toEqual([
    'TIDEMARK_SERVICES (s.yaml:5: services.billing.keys[0]): "gateway/source" / a key of the name billing/source',
    expect.stringMatching(/\(s\.yaml:7: services\.a b\): "a b" \/ a name of at most 200/),
    expect.stringMatching(/services\.a b\.keys\): an empty list \/ a key, since it always signs/),
    expect.stringMatching(/services\.c\.keys\): an empty list \/ a key, since it speaks for others/),
  ]);
});

test('several files, and folders of them, are one list, in which a service is once', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'more'));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write('one.yaml', good);
  write('more/b.yml', 'version: 1\nservices: { shop-a: { owner: o, actions: [] } }');
  write('more/a.yaml', 'version: 1\nservices: { shop-b: { owner: o, actions: [] } }');
  write('more/readme.md', 'not read');
  const files = await serviceFiles([join(folder, 'one.yaml'), join(folder, 'more')]);
  expect(files).toEqual(['one.yaml', 'more/a.yaml', 'more/b.yml'].map(name => join(folder, name)));
  expect((await readServices(files)).map(({ name }) => name)).toEqual([
    'billing',
    'gateway',
    'legacy',
    'shop-b',
    'shop-a',
  ]);
  write('more/c.yaml', 'version: 1\nservices: { billing: { owner: o, actions: [] } }');
  write('more/d.yaml', 'version: 1\nservices: { x: {} }');
  const found = await problemsOf(async () =>
    readServices(await serviceFiles([join(folder, 'one.yaml'), join(folder, 'more')])),
  );
  expect(found).toEqual([
    expect.stringContaining('the service billing for the second time'),
    expect.stringContaining('d.yaml:2: services.x.owner'),
    expect.stringContaining('d.yaml:2: services.x.actions'),
  ]);
});

async function open(path: string) {
  const inForce: [number, readonly string[]][] = [];
  const broken: unknown[] = [];
  const events = {
    servicesInForce: (count: number, unclaimed: readonly string[]) => void inForce.push([count, unclaimed]),
    servicesBroken: (error: unknown) => void broken.push(error),
  };
  const sources = await openSources({
    paths: [path],
    own: ownService('tidemark-normalizer', []),
    events,
    intervalMs: 5,
  });
  onTestFinished(() => sources.close());
  return { sources, inForce, broken };
}

test('a start without valid files is refused', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'services.yaml');
  expect(await problemsOf(() => open(path))).toEqual([
    expect.stringMatching(/^TIDEMARK_SERVICES: ENOENT.*folders of them$/),
  ]);
  expect(await problemsOf(() => open(folder))).toEqual([expect.stringContaining('no service / at least one')]);
  writeFileSync(path, 'services: [');
  expect(await problemsOf(() => open(path))).toEqual([expect.stringMatching(/\(.*services\.yaml:1\): .* \/ YAML$/)]);
  writeFileSync(path, 'version: 1\nservices: { tidemark-normalizer: { owner: o, actions: [] } }');
  expect(await problemsOf(() => open(path))).toEqual([expect.stringContaining("which is the normalizer's own name")]);
});

test('a file that changes is read again; while it is broken the last good one stays, and somebody is told', async () => {
  const path = join(temporaryFolder(), 'services.yaml');
  writeFileSync(path, good);
  const { sources, inForce, broken } = await open(path);
  expect(inForce).toEqual([[3, expect.arrayContaining(['audit.erase.request', 'audit.hold.place'])]]);
  expect(inForce[0]?.[1]).not.toContain('audit.reveal');
  expect([...sources.current().keys()]).toEqual(['billing', 'gateway', 'legacy', 'tidemark-normalizer']);
  writeFileSync(path, `${good}  broken: {}\n`);
  await vi.waitUntil(() => broken.length > 0, { timeout: 10_000 });
  expect(String(broken[0])).toContain('services.broken.owner');
  expect(sources.current().size).toBe(4);
  writeFileSync(path, `${good}  tidemark: { owner: o, actions: ['audit.*'] }\n`);
  await vi.waitUntil(() => inForce.length > 1, { timeout: 10_000 });
  expect(inForce[1]).toEqual([4, []]);
  expect(sources.current().has('tidemark')).toBe(true);
});

test('the example of the page is a file that is taken', () => {
  const page = readFileSync(new URL('../../../docs/sources.md', import.meta.url), 'utf8');
  const examples = [...page.matchAll(/^```yaml services\n([\s\S]*?)^```$/gm)].map(([, example]) => example ?? '');
  const names = examples.map(example => parseServices(example, 'sources.md').map(({ name }) => name));
  expect(names).toEqual([['billing', 'gateway', 'tidemark', 'mail']]);
});
