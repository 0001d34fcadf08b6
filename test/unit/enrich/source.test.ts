import { mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, describe, expect, test } from 'vitest';
import { createEnrichEvents } from '../../../consumers/normalizer/enrich/events.ts';
import { openFileEnrichers } from '../../../consumers/normalizer/enrich/sources.ts';
import { FileSource } from '../../../core/edge/file-source.ts';
import { SettingsError } from '../../../core/edge/settings.ts';
import { by, from, record, valuesOf } from './records.ts';

const folder = mkdtempSync(join(tmpdir(), 'source-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await condition()); await new Promise(resolve => setTimeout(resolve, 5)))
    if (Date.now() > deadline) throw new Error('not within 10 s');
}

test('a source is read again when it changes; while it is broken or gone the last good state stays, and is told of once', async () => {
  const path = join(folder, 'number.json');
  const said: string[] = [];
  writeFileSync(path, '1');
  const source = await FileSource.open<number>({
    list: async () => [path],
    read: async ([file = '']) => JSON.parse(await readFile(file, 'utf8')),
    onReload: value => said.push(`read ${value}`),
    onBroken: error => said.push(error instanceof Error ? error.name : 'thrown'),
    intervalMs: 0,
  });
  const state = async () => {
    await source.check();
    await source.check();
    const now = [source.value, ...said];
    said.length = 0;
    return now;
  };
  expect(await state()).toEqual([1]);
  writeFileSync(path, '22');
  expect(await state()).toEqual([22, 'read 22']);
  writeFileSync(path, '{');
  expect(await state()).toEqual([22, 'SyntaxError']);
  writeFileSync(path, '333');
  expect(await state()).toEqual([333, 'read 333']);
  renameSync(path, `${path}.away`);
  expect(await state()).toEqual([333, 'Error']);
  // The very same file again: it is in force, and that is said.
  renameSync(`${path}.away`, path);
  expect(await state()).toEqual([333, 'read 333']);
});

test('a file that is still being written is not read', async () => {
  const path = join(folder, 'growing.txt');
  writeFileSync(path, 'old');
  const read: string[] = [];
  const source = await FileSource.open<string>({
    list: async () => [path],
    read: ([file = '']) => readFile(file, 'utf8'),
    onReload: value => read.push(value),
    onBroken: error => read.push(String(error)),
    intervalMs: 0,
  });
  for (const part of ['', 'a', 'ab', 'abc', 'abcd']) {
    writeFileSync(path, part);
    await source.check();
  }
  expect(read).toEqual([]);
  await source.check();
  await source.check();
  expect(read).toEqual(['abcd']);
});

describe('the enrichers that stand on files', () => {
  const off = { geoip: null, catalogue: null, people: null };

  test('all that can not be read is refused at the start, in one list', async () => {
    const registry = new Registry();
    const events = createEnrichEvents(pino({ level: 'silent' }), registry);
    const settings = { geoip: ['no.mmdb'], catalogue: 'no.yaml', people: 'no.csv' };
    const error = await openFileEnrichers(settings, events).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SettingsError);
    expect(error instanceof SettingsError && error.problems.map(({ name }) => name)).toEqual([
      'TIDEMARK_GEOIP',
      'TIDEMARK_CATALOGUE',
      'TIDEMARK_PEOPLE',
    ]);
  });

  test('a changed file is in force soon, a broken one never, and a metric says so', async () => {
    const [catalogue, people] = [join(folder, 'services.yaml'), join(folder, 'people.csv')];
    writeFileSync(catalogue, 'services: {billing: {owner: a}}');
    writeFileSync(people, 'id,team\nu-1,a\n');
    const registry = new Registry();
    const events = createEnrichEvents(pino({ level: 'silent' }), registry);
    const files = await openFileEnrichers({ ...off, catalogue, people }, events, 5);
    const event = record({ ...from('billing'), ...by('u-1') });
    const known = () =>
      files.enrichers.flatMap(one => one.enrich(event)).map(entry => Object.values(valuesOf(entry))[0]);
    expect(known()).toEqual(['a', 'a']);
    const first = files.enrichers.map(({ version }) => version);
    writeFileSync(catalogue, 'services: {billing: {owner: bb}}');
    writeFileSync(people, 'id,team\nu-1,bb\n');
    await until(() => known().join() === 'bb,bb');
    expect(files.enrichers.map(({ version }, index) => version === first[index])).toEqual([true, false, false]);
    const broken = async () => {
      const lines = (await registry.getSingleMetricAsString('tidemark_normalizer_source_broken')).split('\n');
      return lines.filter(line => line.endsWith(' 1'));
    };
    writeFileSync(catalogue, 'services: [');
    unlinkSync(people);
    await until(async () => (await broken()).length === 2);
    expect((await broken()).sort()).toEqual([
      'tidemark_normalizer_source_broken{source="catalogue"} 1',
      'tidemark_normalizer_source_broken{source="people"} 1',
    ]);
    expect(known()).toEqual(['bb', 'bb']);
    files.close();
  });
});
