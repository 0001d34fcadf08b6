// Where a client's address is: country, region and network by MMDB files, or which kind of reserved address it is. Runs before the
// address is encrypted, and keeps nothing of it: the network's prefix is given only where many share it.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Reader, type Response } from 'maxmind';
import type { Attribute, Enrichment } from '../../../schemas/index.ts';
import { type Address, parseAddress, scopeOf } from './address.ts';
import { attribute, type Enricher, type EntrySource, found, missing } from './enricher.ts';
import { createLookup, type Subject } from './lookup.ts';

/** What is asked of a database; mmdb-lib's Reader is one. */
export interface GeoDatabase {
  readonly metadata: { readonly buildEpoch: Date; readonly databaseType: string; readonly ipVersion: number };
  getWithPrefixLength(address: string): [unknown, number];
}

/** The database that comes along: countries by what the registries say, in the public domain. */
export function defaultGeoFile(): string {
  return fileURLToPath(import.meta.resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'));
}

/** Reads whole databases into memory. Throws where a file is none. */
export async function readGeoDatabases(paths: readonly string[]): Promise<GeoDatabase[]> {
  return Promise.all(
    paths.map(async path => {
      try {
        return new Reader<Response>(await readFile(path));
      } catch (error) {
        throw new Error(`${path} is no MMDB: ${error instanceof Error ? error.message : error}`);
      }
    }),
  );
}

/** `databases`: those in force now. */
export function createGeo(databases: () => readonly GeoDatabase[]): Enricher {
  return createLookup({
    name: 'geo',
    current: databases,
    versionOf,
    subjects: ({ request }) => {
      const text = request?.clientAddress;
      return typeof text === 'string' ? [{ about: 'request.clientAddress', id: text }] : [];
    },
    find,
  });
}

function find(databases: readonly GeoDatabase[], { about, id }: Subject, source: EntrySource): Enrichment {
  const address = parseAddress(id);
  if (address === null) return missing(source, about, 'not an IP address');
  const mapped = address.mapped ? [attribute('mapped', 'true', 'boolean')] : [];
  const scope = scopeOf(address);
  if (scope !== null) return found(source, about, [attribute('scope', scope), ...mapped]);
  const values = new Map<string, Attribute>();
  for (const database of databases) {
    // The reader would take the first 32 bits of an IPv6 address for one of IPv4, and answer with some other country.
    if (address.bytes.length === 16 && database.metadata.ipVersion === 4) continue;
    const [data, bits] = database.getWithPrefixLength(address.text);
    // The first database that knows a thing is believed.
    for (const value of valuesOf(data, address, bits)) if (!values.has(value.key)) values.set(value.key, value);
  }
  if (values.size === 0) return missing(source, about, 'a public address that no database knows');
  return found(source, about, [attribute('scope', 'public'), ...mapped, ...values.values()]);
}

/**
 * By the field names of MaxMind's (`country.iso_code`, `subdivisions[0]`, `autonomous_system_number`) and of ip-location-db's
 * databases (`country_code`, `state1`).
 */
function valuesOf(data: unknown, address: Address, bits: number): Attribute[] {
  const values: Attribute[] = [];
  const add = (key: string, value: unknown, type?: 'integer'): void => {
    if (typeof value === 'string' && value !== '' && value.length <= 200) values.push(attribute(key, value));
    else if (type && Number.isSafeInteger(value)) values.push(attribute(key, `${value}`, type));
  };
  add(
    'country',
    at(data, 'country', 'iso_code') ?? at(data, 'country_code') ?? at(data, 'registered_country', 'iso_code'),
  );
  const division = at(data, 'subdivisions', 0);
  add('region', at(division, 'iso_code') ?? at(division, 'names', 'en') ?? at(data, 'state1'));
  add('network.asn', at(data, 'autonomous_system_number'), 'integer');
  add('network.name', at(data, 'autonomous_system_organization') ?? at(data, 'organization') ?? at(data, 'isp'));
  if (values.length > 0) add('network', sharedPrefix(address, bits));
  return values;
}

/** The network that the database has as one, if enough share it that it names nobody: /24, or /48 of IPv6, and wider. */
function sharedPrefix({ bytes }: Address, bits: number): string | undefined {
  const is4 = bytes.length === 4;
  // For an IPv4 address some databases count from the beginning of the IPv6 space that they keep it in.
  const length = is4 && bits > 32 ? bits - 96 : bits;
  if (length <= 0 || length > (is4 ? 24 : 48)) return undefined;
  const masked = bytes.map((byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, length - at * 8))));
  if (is4) return `${masked.join('.')}/${length}`;
  const groups = [0, 2, 4].map(at => (((masked[at] ?? 0) << 8) | (masked[at + 1] ?? 0)).toString(16));
  return `${groups.join(':').replace(/(:0)+$/, '')}::/${length}`;
}

function at(value: unknown, ...path: (string | number)[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Record<string | number, unknown>)[key];
  }
  return here;
}

function versionOf(databases: readonly GeoDatabase[]): string {
  if (databases.length === 0) return 'reserved addresses only';
  return databases
    .map(({ metadata }) => `${metadata.databaseType} ${metadata.buildEpoch.toISOString().slice(0, 10)}`)
    .join(', ');
}
