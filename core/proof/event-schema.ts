// What the archive format fixes of an AuditRecord's schema (section 1): the record's name, the types of four fields, and that nowhere
// is an Avro `map`, whose order is free. A schema is under the seal, but whoever holds the normalizer's key chose it.

import { ProofError } from './error.ts';

type Node = { readonly [name: string]: unknown };

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fail(why: string): never {
  throw new ProofError('malformed-schema', `schema: ${why}`);
}

/** The types that a schema defines, by their full and their short names. */
class Names {
  readonly #nodes = new Map<string, Node>();

  constructor(schema: Node) {
    this.#collect(schema, '');
  }

  #collect(schema: unknown, namespace: string): void {
    if (Array.isArray(schema)) {
      for (const branch of schema) this.#collect(branch, namespace);
      return;
    }
    if (!isNode(schema)) return;
    if (schema.type === 'map') fail('it has a map, whose order is free');
    let inner = namespace;
    if (typeof schema.name === 'string') {
      inner = typeof schema.namespace === 'string' ? schema.namespace : namespace;
      this.#nodes.set(schema.name, schema);
      if (inner !== '') this.#nodes.set(`${inner}.${schema.name}`, schema);
    }
    if (Array.isArray(schema.fields)) {
      for (const field of schema.fields) if (isNode(field)) this.#collect(field.type, inner);
    }
    this.#collect(schema.items, inner);
    this.#collect(schema.type, inner);
  }

  /** A type as an object: `{ type: 'string' }`, a record, … */
  resolve(type: unknown): Node {
    if (typeof type === 'string') return this.#nodes.get(type) ?? { type };
    if (Array.isArray(type)) return { type: 'union', branches: type };
    if (!isNode(type)) return fail('expected a type');
    return isNode(type.type) || Array.isArray(type.type) ? this.resolve(type.type) : type;
  }

  /** The type of a record's field; null where it has none of that name. */
  field(record: Node, name: string): Node | null {
    const fields: unknown[] = Array.isArray(record.fields) ? record.fields : [];
    const found = fields.find(field => isNode(field) && field.name === name);
    return isNode(found) ? this.resolve(found.type) : null;
  }

  /** Demands fields of these types; those named with `?` may be missing. */
  demand(record: Node, what: string, types: Readonly<Record<string, string>>): void {
    if (record.type !== 'record') fail(`expected ${what} to be a record`);
    for (const [key, type] of Object.entries(types)) {
      const name = key.replace('?', '');
      const found = this.field(record, name);
      if (!found && key.endsWith('?')) continue;
      if (found?.type !== type)
        fail(`expected ${what}.${name} to be of type ${type}, found ${String(found?.type ?? 'none')}`);
    }
  }
}

function checkProducer(names: Names, producer: Node | null): void {
  if (!producer) fail('expected producer to be null or a record, found none');
  const branches: unknown[] = Array.isArray(producer.branches) ? producer.branches : [producer];
  const records = branches.map(branch => names.resolve(branch)).filter(({ type }) => type !== 'null');
  const [record] = records;
  if (!record || records.length > 1) fail('expected producer to be null or a record');
  names.demand(record, 'producer', { instance: 'string', sequence: 'long', 'last?': 'boolean', 'abandoned?': 'array' });
  const abandoned = names.field(record, 'abandoned');
  if (abandoned) names.demand(names.resolve(abandoned.items), 'producer.abandoned', { first: 'long', last: 'long' });
}

/** Throws `malformed-schema` where a parsed schema is not one of an AuditRecord. */
export function checkEventSchema(schema: unknown): void {
  if (!isNode(schema) || schema.type !== 'record') fail('expected a record');
  if (typeof schema.name !== 'string' || !/^(?:.*\.)?AuditRecord$/.test(schema.name))
    fail('expected a record AuditRecord');
  const names = new Names(schema);
  names.demand(schema, 'AuditRecord', { id: 'string', occurredAt: 'long', raw: 'record' });
  if (names.field(schema, 'occurredAt')?.logicalType !== 'timestamp-micros')
    fail('expected occurredAt in timestamp-micros');
  const raw = names.field(schema, 'raw') ?? fail('expected raw');
  names.demand(raw, 'raw', { topic: 'string', generation: 'int', partition: 'int', offset: 'long' });
  checkProducer(names, names.field(schema, 'producer'));
}
