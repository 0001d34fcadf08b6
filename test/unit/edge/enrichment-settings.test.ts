import { describe, expect, test } from 'vitest';
import { enrichmentSettings } from '../../../core/edge/enrichment-settings.ts';
import { SettingsReader } from '../../../core/edge/settings-reader.ts';

const read = (env: Record<string, string>) => {
  const reader = new SettingsReader(env);
  const settings = enrichmentSettings(reader);
  reader.check();
  return settings;
};

describe('enrichment is optional', () => {
  test('with nothing set', () => {
    expect(read({})).toEqual({
      geoip: 'default',
      catalogue: null,
      people: null,
      changesTopic: 'audit.changes',
      clockTolerance: { text: 'PT1H', ms: 3_600_000 },
    });
  });

  test('with all set', () => {
    const env = {
      TIDEMARK_GEOIP: 'city.mmdb, asn.mmdb',
      TIDEMARK_CATALOGUE: 'services.yaml',
      TIDEMARK_PEOPLE: 'people.csv',
      TIDEMARK_CHANGES_TOPIC: 'prod.changes',
      TIDEMARK_CLOCK_TOLERANCE: 'PT5M',
    };
    expect(read(env)).toMatchObject({
      geoip: ['city.mmdb', 'asn.mmdb'],
      catalogue: 'services.yaml',
      people: 'people.csv',
      changesTopic: 'prod.changes',
      clockTolerance: { ms: 300_000 },
    });
  });

  test('with what can be turned off', () => {
    expect(read({ TIDEMARK_GEOIP: 'off', TIDEMARK_CHANGES_TOPIC: 'off' })).toMatchObject({
      geoip: null,
      changesTopic: null,
    });
  });

  test.each([
    ['TIDEMARK_CHANGES_TOPIC', 'a topic'],
    ['TIDEMARK_CLOCK_TOLERANCE', 'an hour'],
  ])('%s is no %j', (name, text) => expect(() => read({ [name]: text })).toThrow(name));
});
