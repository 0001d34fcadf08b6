// What an enricher is, and how it fails: its record is marked and goes on; nothing is stopped or dropped.

import {
  type Attribute,
  type AuditRecord,
  type Enrichment,
  shareEnrichment,
  type ValueType,
} from '../../../schemas/index.ts';

export interface Enricher {
  readonly name: string;
  /** Version of its source, such as the date of a database; it may change while the program runs. */
  readonly version: string;
  /** What it knows about the record: an entry for each field that it looked up, none where there is nothing to look up. */
  enrich(record: AuditRecord): readonly Enrichment[];
}

/** What an entry says of where it is from. */
export type EntrySource = Pick<Enricher, 'name' | 'version'>;

export function found(source: EntrySource, about: string | null, values: readonly Attribute[]): Enrichment {
  return { name: source.name, version: source.version, about, status: 'found', note: null, values: [...values] };
}

/** `note`: why, without anything from the event. */
export function missing(source: EntrySource, about: string | null, note: string): Enrichment {
  return { name: source.name, version: source.version, about, status: 'missing', note, values: [] };
}

function failed(source: EntrySource): Enrichment {
  const note = 'the enricher failed: see the log of the normalizer';
  return { name: source.name, version: source.version, about: null, status: 'failed', note, values: [] };
}

/** Makes an entry safe to give to many records (who changes it in one would change it in all), and cheap to write. */
export function shared(entry: Enrichment): Enrichment {
  for (const { value } of entry.values) Object.freeze(value);
  entry.values.forEach(Object.freeze);
  Object.freeze(entry.values);
  Object.freeze(entry);
  shareEnrichment(entry);
  return entry;
}

export function attribute(key: string, text: string, type: ValueType = 'string'): Attribute {
  return { key, value: { type, text } };
}

/** What all enrichers say about a record, in their order. Never throws: one that does marks the record, and `onFailure` is told. */
export function askAll(
  enrichers: readonly Enricher[],
  record: AuditRecord,
  onFailure: (name: string, error: unknown) => void,
): Enrichment[] {
  return enrichers.flatMap(enricher => {
    try {
      return enricher.enrich(record);
    } catch (error) {
      onFailure(enricher.name, error);
      return [failed(enricher)];
    }
  });
}
