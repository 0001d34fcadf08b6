// How long the events of a segment demand to be kept: the longest of their classes. Only the three fields that classes go by are
// decoded, by the schema that the events were written with; all else is skipped.

import avro from 'avsc';
import { avroType } from '../../schemas/index.ts';
import type { Classified, RetentionClass } from './retention-classes.ts';

const fields: ReadonlySet<string> = new Set(['action', 'tenant', 'attributes']);

type Read = (datum: Uint8Array) => Classified;

export class RetentionDemand {
  readonly classes: readonly RetentionClass[];
  /** What no event demands more than, ms. */
  readonly longestMs: number;
  readonly #longestFirst: readonly RetentionClass[];
  /** By the schema's text: an archive has few. */
  readonly #readers = new Map<string, Read>();

  constructor(classes: readonly RetentionClass[]) {
    this.classes = classes;
    this.#longestFirst = classes.toSorted((a, b) => b.keep.ms - a.keep.ms);
    this.longestMs = this.#longestFirst[0]?.keep.ms ?? 0;
  }

  /** How long these events of one schema have to be kept, ms; 0: not longer than any other. */
  of(schemaText: string, datums: Iterable<Uint8Array>): number {
    let longest = 0;
    const read = this.#reader(schemaText);
    for (const datum of datums) {
      if (longest === this.longestMs) break;
      longest = Math.max(longest, this.#keepOf(read, datum));
    }
    return longest;
  }

  #keepOf(read: Read, datum: Uint8Array): number {
    let event: Classified;
    try {
      event = read(datum);
    } catch {
      // It is a sealed event all the same. What can't be told short may be long.
      return this.longestMs;
    }
    return this.#longestFirst.find(({ matches }) => matches(event))?.keep.ms ?? 0;
  }

  #reader(schemaText: string): Read {
    const read = this.#readers.get(schemaText) ?? readerOf(schemaText);
    this.#readers.set(schemaText, read);
    return read;
  }
}

function readerOf(schemaText: string): Read {
  try {
    return compileReader(schemaText);
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function compileReader(schemaText: string): Read {
  const writer = avroType(schemaText);
  if (!(writer instanceof avro.types.RecordType)) throw new TypeError('the schema of a sealed run is of no record');
  // A record of the same name with the wanted fields alone, each of the very type that it was written with.
  const wanted = writer.fields.filter(({ name }) => fields.has(name)).map(({ name, type }) => ({ name, type }));
  const schema = { type: 'record', name: writer.name ?? 'AuditRecord', fields: wanted } as const;
  const reader = avro.Type.forSchema(schema, { wrapUnions: 'never', omitRecordMethods: true });
  const resolver = reader.createResolver(writer);
  return datum => {
    const bytes = Buffer.from(datum.buffer, datum.byteOffset, datum.length);
    return classifiedOf(reader.fromBuffer(bytes, resolver));
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function classifiedOf(event: unknown): Classified {
  const { action, tenant, attributes } = isObject(event) ? event : {};
  return {
    action: typeof action === 'string' ? action : '',
    tenant: typeof tenant === 'string' ? tenant : null,
    attributes: Array.isArray(attributes) ? attributes.filter(isObject).map(attributeOf) : [],
  };
}

function attributeOf({ key, value }: Readonly<Record<string, unknown>>): Classified['attributes'][number] {
  const text = isObject(value) ? value.text : undefined;
  const readable = typeof text === 'string' ? text : null;
  return { key: String(key), value: text === null ? '' : readable };
}
