// The enrichers that stand on files: opened at the start, or the start is refused; read again when the files change.

import { FileSource } from '../../../core/edge/file-source.ts';
import { type EnrichmentSettings, type SettingProblem, SettingsError } from '../../../core/edge/settings.ts';
import { createCatalogue } from './catalogue.ts';
import { type Catalogue, catalogueFiles, readCatalogue } from './catalogue-file.ts';
import type { Enricher } from './enricher.ts';
import type { EnrichEvents } from './events.ts';
import { createGeo, defaultGeoFile, readGeoDatabases } from './geo.ts';
import { createPeople } from './people.ts';
import { readPeople } from './people-file.ts';

export interface FileEnrichers {
  readonly enrichers: readonly Enricher[];
  /** Services that the catalogue builds from a repository (`owner/name`, in lower case). */
  servicesIn(repository: string): readonly string[];
  close(): void;
}

const defaultIntervalMs = 5000;

/** Throws SettingsError with each source that can't be read. */
export async function openFileEnrichers(
  settings: Pick<EnrichmentSettings, 'geoip' | 'catalogue' | 'people'>,
  events: Pick<EnrichEvents, 'reloaded' | 'broken'>,
  intervalMs = defaultIntervalMs,
): Promise<FileEnrichers> {
  const { geoip, catalogue, people } = settings;
  const problems: SettingProblem[] = [];
  const sources: FileSource<unknown>[] = [];
  const open = async <T>(
    name: string,
    setting: { name: string; expected: string },
    files: Pick<Parameters<typeof FileSource.open<T>>[0], 'list' | 'read'>,
    create: (value: () => T) => Enricher,
  ): Promise<Enricher[]> => {
    try {
      const onReload = () => events.reloaded(name);
      const onBroken = (error: unknown) => events.broken(name, error);
      const source = await FileSource.open<T>({ ...files, intervalMs, onReload, onBroken });
      sources.push(source);
      return [create(() => source.value)];
    } catch (error) {
      problems.push({ ...setting, found: error instanceof Error ? error.message : String(error), advice: '' });
      return [];
    }
  };
  const geoFiles = geoip === null ? [] : geoip === 'default' ? [defaultGeoFile()] : geoip;
  const enrichers = await open(
    'geo',
    { name: 'TIDEMARK_GEOIP', expected: 'MMDB files, separated by commas, or off' },
    { list: async () => geoFiles, read: readGeoDatabases },
    createGeo,
  );
  let inForce: () => Catalogue | undefined = () => undefined;
  if (catalogue !== null) {
    const setting = { name: 'TIDEMARK_CATALOGUE', expected: 'YAML files of services' };
    const files = { list: () => catalogueFiles(catalogue), read: readCatalogue };
    const create = (value: () => Catalogue) => {
      inForce = value;
      return createCatalogue(value);
    };
    enrichers.push(...(await open('catalogue', setting, files, create)));
  }
  if (people !== null) {
    const setting = { name: 'TIDEMARK_PEOPLE', expected: 'a CSV or JSON export of people' };
    const files = { list: async () => [people], read: () => readPeople(people) };
    enrichers.push(...(await open('people', setting, files, createPeople)));
  }
  const close = () => {
    for (const source of sources) source.close();
  };
  if (problems.length > 0) {
    close();
    throw new SettingsError(problems);
  }
  return { enrichers, close, servicesIn: repository => inForce()?.byRepository.get(repository) ?? [] };
}
