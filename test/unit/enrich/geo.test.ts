import { beforeAll, describe, expect, test } from 'vitest';
import {
  createGeo,
  defaultGeoFile,
  type GeoDatabase,
  readGeoDatabases,
} from '../../../consumers/normalizer/enrich/geo.ts';
import { record, through, valuesOf } from './records.ts';

let countries: readonly GeoDatabase[];
beforeAll(async () => {
  countries = await readGeoDatabases([defaultGeoFile()]);
});

const metadata = { databaseType: 'Test', ipVersion: 6, buildEpoch: new Date('2026-02-03T04:05:06Z') };
const databaseOf = (data: unknown, bits: number): GeoDatabase => ({
  metadata,
  getWithPrefixLength: () => [data, bits],
});
const ask = (databases: readonly GeoDatabase[], address: string) =>
  createGeo(() => databases).enrich(record(through(address)))[0];

describe('the database that comes along', () => {
  test.each([
    ['8.8.8.8', 'US'],
    ['193.99.144.80', 'DE'],
    ['2a00:1450:4001:830::200e', 'IE'],
    ['::ffff:193.99.144.80', 'DE'],
  ])('%s is in %s', (address, country) => {
    const entry = ask(countries, address);
    expect(entry).toMatchObject({ name: 'geo', about: 'request.clientAddress', status: 'found' });
    expect(valuesOf(entry)).toMatchObject({ scope: 'public', country });
  });

  test('an IPv6 address is not looked up in a database of IPv4 addresses, nor taken for one', async () => {
    const [four, six] = ['ipv4', 'ipv6'].map(kind => defaultGeoFile().replace('.mmdb', `-${kind}.mmdb`));
    const only4 = await readGeoDatabases([four ?? '']);
    expect(ask(only4, '2a00:1450:4001:830::200e')).toMatchObject({ status: 'missing' });
    expect(valuesOf(ask(only4, '193.99.144.80')).country).toBe('DE');
    const both = await readGeoDatabases([four ?? '', six ?? '']);
    for (const address of ['2a00:1450:4001:830::200e', '::ffff:193.99.144.80', '8.8.8.8'])
      expect(valuesOf(ask(both, address)).country).toBe(valuesOf(ask(countries, address)).country);
  });

  test('its version is its kind and date', () => {
    expect(createGeo(() => countries).version).toMatch(/^\S.* 20\d\d-\d\d-\d\d$/);
  });
});

describe('other databases', () => {
  const city = { country: { iso_code: 'DE' }, subdivisions: [{ iso_code: 'BY', names: { en: 'Bavaria' } }] };
  const asn = { autonomous_system_number: 64_500, autonomous_system_organization: 'Example Net' };

  test('country, region and network, each by the first that knows it', () => {
    const entry = ask(
      [databaseOf(city, 20), databaseOf(asn, 16), databaseOf({ country_code: 'FR' }, 8)],
      '93.184.216.34',
    );
    expect(valuesOf(entry)).toEqual({
      scope: 'public',
      country: 'DE',
      region: 'BY',
      network: '93.184.208.0/20',
      'network.asn': '64500',
      'network.name': 'Example Net',
    });
    expect(entry?.version).toBe('Test 2026-02-03, Test 2026-02-03, Test 2026-02-03');
  });

  test.each([
    ['93.184.216.34', 24, '93.184.216.0/24'],
    ['93.184.216.34', 120, '93.184.216.0/24'],
    ['93.184.216.34', 25, undefined],
    ['93.184.216.34', 32, undefined],
    ['93.184.216.34', 128, undefined],
    ['2a00:1450:4001:830::200e', 29, '2a00:1450::/29'],
    ['2a00:1450:4001:830::200e', 48, '2a00:1450:4001::/48'],
    ['2a00:1450:4001:830::200e', 64, undefined],
  ])('%s in a network of %i bits: %s', (address, bits, network) => {
    expect(valuesOf(ask([databaseOf({ country_code: 'XX' }, bits)], address)).network).toBe(network);
  });

  test.each([null, 'text', 7, [], {}, { country: null }, { country: { iso_code: 5 } }, { subdivisions: {} }])(
    'what holds nothing of use is missing: %j',
    data => expect(ask([databaseOf(data, 20)], '8.8.8.8')).toMatchObject({ status: 'missing', values: [] }),
  );

  test('a file that is none is an error that names it', async () => {
    await expect(readGeoDatabases(['package.json'])).rejects.toThrow(/package\.json is no MMDB/);
    await expect(readGeoDatabases(['no/such.mmdb'])).rejects.toThrow(/no\/such\.mmdb/);
  });
});

test('reserved addresses are named without a database being asked', () => {
  const database: GeoDatabase = {
    metadata,
    getWithPrefixLength: () => {
      throw new Error('asked');
    },
  };
  expect(valuesOf(ask([database], '10.1.2.3'))).toEqual({ scope: 'private' });
  expect(valuesOf(ask([], '::ffff:127.0.0.1'))).toEqual({ scope: 'loopback', mapped: 'true' });
});

test('what is no address, or already sealed, is looked up nowhere, and said without its words', () => {
  expect(ask([], 'Ada Lovelace')).toMatchObject({ status: 'missing', note: 'not an IP address', values: [] });
  const sealed = { keyId: 'k', nonce: new Uint8Array(12), ciphertext: new Uint8Array(20) };
  const request = { id: null, traceParent: null, clientAddress: sealed, userAgent: null };
  expect(createGeo(() => []).enrich(record({ request }))).toEqual([]);
});

test('a new database is asked at once, and names its own version', () => {
  let databases: readonly GeoDatabase[] = [databaseOf({ country_code: 'FR' }, 8)];
  const geo = createGeo(() => databases);
  const country = () => valuesOf(geo.enrich(record(through('8.8.8.8')))[0]).country;
  expect([country(), country()]).toEqual(['FR', 'FR']);
  databases = [databaseOf({ country_code: 'DE' }, 8)];
  expect(country()).toBe('DE');
});

test('an entry is shared by records, so nobody can change it', () => {
  const [entry] = createGeo(() => countries).enrich(record(through('8.8.8.8')));
  expect(() => entry?.values.pop()).toThrow(TypeError);
  expect(() => Object.assign(entry?.values[0]?.value ?? {}, { text: 'x' })).toThrow(TypeError);
});
