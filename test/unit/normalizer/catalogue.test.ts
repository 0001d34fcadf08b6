// Catalogues of declared actions at the normalizer: read strictly, and what is not as they say is marked, never refused.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openCatalogue, undeclaredFlags } from '../../../consumers/normalizer/catalogue.ts';
import { readCatalogues } from '../../../core/edge/catalogue-files.ts';
import { makeEvent } from '../../integration/normalizer-program.ts';
import { temporaryFolder } from '../../temporary.ts';
import { problemsOf } from './setting-problems.ts';

const closing = { targets: ['account'], required: ['reason'], by: { kinds: ['human'] } } as const;

const file = (folder: string, name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

test('catalogues of several services are one, whether JSON or YAML, and all that is wrong is told at once', async () => {
  const folder = temporaryFolder();
  const json = file(folder, 'a.json', JSON.stringify({ catalogue: 1, actions: { 'account.close': closing } }));
  const yaml = file(folder, 'b.yaml', 'catalogue: 1\nactions:\n  invoice.cancel: { targets: [invoice] }\n');
  expect(await readCatalogues([json, yaml])).toEqual({
    'account.close': closing,
    'invoice.cancel': { targets: ['invoice'] },
  });
  const wrong = file(folder, 'c.yml', 'catalogue: 1\nactions:\n  account.close: { targets: [] }\n  x.y: { by: 7 }\n');
  const no = file(folder, 'd.json', '{');
  expect(await problemsOf(() => readCatalogues([json, json, wrong, no]))).toEqual([
    `TIDEMARK_ACTIONS (${json}): the action account.close for the second time / it once in all files`,
    `TIDEMARK_ACTIONS (${wrong}: account.close: targets): none / at least one type of things, such as account`,
    `TIDEMARK_ACTIONS (${wrong}: x.y: targets): none / at least one type of things, such as account`,
    `TIDEMARK_ACTIONS (${wrong}: x.y: by): no object / an object with kinds, roles`,
    `TIDEMARK_ACTIONS (${no}): something else / catalogue: 1, and actions by their names`,
  ]);
});

test('a start without valid catalogues is refused; a changed file is read again, a broken one changes nothing', async () => {
  const folder = temporaryFolder();
  const events = { catalogueInForce: vi.fn(), catalogueBroken: vi.fn() };
  const open = (path: string) => openCatalogue({ paths: [path], events, intervalMs: 5 });
  expect(await problemsOf(() => open(join(folder, 'none')))).toEqual([
    expect.stringMatching(/^TIDEMARK_ACTIONS: ENOENT.*or folders of them$/),
  ]);
  mkdirSync(join(folder, 'empty'));
  expect(await problemsOf(() => open(join(folder, 'empty')))).toEqual([
    expect.stringContaining('no catalogue / at least one'),
  ]);
  const path = file(folder, 'a.yaml', 'catalogue: 1\nactions:\n  a.b: { targets: [x] }\n');
  const catalogue = await open(folder);
  onTestFinished(() => catalogue.close());
  expect(events.catalogueInForce).toHaveBeenLastCalledWith(1);
  writeFileSync(path, 'catalogue: 2\n');
  await vi.waitUntil(() => events.catalogueBroken.mock.calls.length > 0, { timeout: 10_000 });
  expect(Object.keys(catalogue.current())).toEqual(['a.b']);
  writeFileSync(path, 'catalogue: 1\nactions:\n  a.b: { targets: [x] }\n  a.c: { targets: [x] }\n');
  await vi.waitUntil(() => events.catalogueInForce.mock.calls.length > 1, { timeout: 10_000 });
  expect(Object.keys(catalogue.current())).toEqual(['a.b', 'a.c']);
});

test('what is not declared is marked by rule and field, without a word of the event', () => {
  const flags = (action: string, more: Partial<ReturnType<typeof makeEvent>> = {}) =>
    undeclaredFlags(makeEvent(1, { action, ...more }), { 'account.close': closing });
  const target = { type: 'account', id: 'a-1', name: null, person: false, changes: [] };
  const other = { ...target, type: 'Jane Doe' };
  expect(flags('account.open')).toEqual([
    { code: 'undeclared', field: 'action', note: 'declared: expected an action that is declared' },
  ]);
  expect(flags('audit.close')).toEqual([]);
  const found = flags('account.close', { targets: [target, other], reason: null, outcome: 'success' });
  expect(found.map(({ field, note }) => `${field}: ${note}`)).toEqual([
    'targets[1].type: account.close/targets: expected account',
    'reason: account.close/required: expected a value',
    'actor: account.close/by: expected who did it',
  ]);
  expect(flags('account.close', { targets: Array(500).fill(other) })).toHaveLength(20);
});
