import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createCatalogue } from '../../../consumers/normalizer/enrich/catalogue.ts';
import { catalogueFiles, parseCatalogue, readCatalogue } from '../../../consumers/normalizer/enrich/catalogue-file.ts';
import { from, record, target, valuesOf } from './records.ts';

const folder = mkdtempSync(join(tmpdir(), 'catalogue-'));
afterAll(() => rmSync(folder, { recursive: true }));

const own = `
services:
  billing:
    owner: team-payments
    tier: 1
    repository: https://github.com/example/billing
  mail: {}
`;
const backstage = `
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: orders
  labels: { example.com/tier: gold }
  annotations: { github.com/project-slug: Example/Orders }
spec: { type: service, lifecycle: production, owner: "group:default/team-orders" }
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: { name: team-orders }
spec: { type: team, children: [] }
---
apiVersion: backstage.io/v1beta1
kind: component
metadata:
  name: search
  namespace: shop
  annotations: { backstage.io/source-location: "url:https://git.example.com/shop/search" }
spec: { owner: user:default/ada.lovelace, tier: 3 }
---
`;
const services = (text: string) => Object.fromEntries(parseCatalogue(text, 'x.yaml'));

describe('forms', () => {
  test('our own', () => {
    expect(services(own)).toEqual({
      billing: { owner: 'team-payments', tier: '1', repository: 'https://github.com/example/billing' },
      mail: { owner: null, tier: null, repository: null },
    });
  });

  test("Backstage's: components of several documents; groups are owners, people are not", () => {
    expect(services(backstage)).toEqual({
      orders: { owner: 'team-orders', tier: 'gold', repository: 'https://github.com/Example/Orders' },
      'shop/search': { owner: null, tier: '3', repository: 'https://git.example.com/shop/search' },
    });
  });

  test.each([
    ['team-a', 'team-a'],
    ['group:team-a', 'team-a'],
    ['Group:default/team-a', 'team-a'],
    ['group:shop/team-a', 'shop/team-a'],
    ['shop/team-a', 'shop/team-a'],
    ['user:ada', null],
  ])('owner %s is the team %s', (owner, team) => {
    const text = `{apiVersion: backstage.io/v1, kind: Component, metadata: {name: a}, spec: {owner: "${owner}"}}`;
    expect(services(text).a?.owner).toBe(team);
  });

  test.each([
    ['a text', 'hello', /document 1: expected services/],
    ['an unknown field', 'services: {a: {ower: x}}', /services\.a/],
    ['no YAML', 'services: {a: ', /document 1/],
    ['a name twice', 'services: {a: {}, a: {}}', /document 1/],
    [
      'no owner',
      '{apiVersion: backstage.io/v1, kind: Component, metadata: {name: a}}',
      /component a without spec\.owner/,
    ],
    ['aliases without end', `a: &a [x]\nb: &b [${'*a,'.repeat(99)}]\nc: [${'*b,'.repeat(99)}]`, /alias/i],
  ])('%s is an error that names the file', (_, text, message) => {
    expect(() => parseCatalogue(text, 'some.yaml')).toThrow(message);
  });
});

describe('files', () => {
  mkdirSync(join(folder, 'a/node_modules'), { recursive: true });
  writeFileSync(join(folder, 'a/catalog-info.yaml'), backstage);
  writeFileSync(join(folder, 'a/other.yaml'), own);
  writeFileSync(join(folder, 'a/node_modules/catalog-info.yaml'), 'broken: [');

  test.each([
    ['a file', 'a/other.yaml', ['a/other.yaml']],
    ['a folder', '.', ['a/catalog-info.yaml']],
    ['a glob', 'a/*.yaml', ['a/catalog-info.yaml', 'a/other.yaml']],
  ])('%s', async (_, path, files) => {
    expect(await catalogueFiles(join(folder, path))).toEqual(files.map(file => join(folder, file)));
  });

  test('nothing found, or a service in two files, is an error', async () => {
    await expect(catalogueFiles(join(folder, 'none'))).rejects.toThrow(/none/);
    await expect(catalogueFiles(join(folder, '*.none'))).rejects.toThrow(/no catalogue file/);
    writeFileSync(join(folder, 'again.yaml'), 'services: {billing: {}}');
    await expect(readCatalogue([join(folder, 'a/other.yaml'), join(folder, 'again.yaml')])).rejects.toThrow(
      /billing twice/,
    );
  });

  test('its version is the digest of all that was read; services are found by repository', async () => {
    const catalogue = await readCatalogue(await catalogueFiles(join(folder, 'a/*.yaml')));
    expect(catalogue.digest).toMatch(/^sha256:[0-9a-f]{16}$/);
    expect(Object.fromEntries(catalogue.byRepository)).toEqual({
      'example/billing': ['billing'],
      'example/orders': ['orders'],
      'shop/search': ['shop/search'],
    });
  });
});

test('the service that recorded an event, and those it was done to', () => {
  const catalogue = { services: new Map(parseCatalogue(own, 'x')), byRepository: new Map(), digest: 'sha256:1' };
  const enricher = createCatalogue(() => catalogue);
  const targets = [target('account', 'a'), target('service', 'billing'), target('component', 'unheard-of')];
  const entries = enricher.enrich(record({ ...from('mail'), targets }));
  expect(entries.map(({ about, status }) => [about, status])).toEqual([
    ['origin.service', 'found'],
    ['targets[1].id', 'found'],
    ['targets[2].id', 'missing'],
  ]);
  expect(valuesOf(entries[1])).toEqual({
    owner: 'team-payments',
    tier: '1',
    repository: 'https://github.com/example/billing',
  });
  expect(enricher.enrich(record())).toEqual([]);
  const many = Array.from({ length: 100 }, () => target('service', 'billing'));
  expect(enricher.enrich(record({ targets: many })).length).toBeLessThanOrEqual(8);
});
