// As much of Avro's binary encoding (Avro 1.11 specification) as evidence needs: to find where a datum ends under its writer's
// schema, and to read out of it the four fields that the archive format fixes (section 1). Everything else is skipped, so a
// verifier does not depend on what else an AuditRecord says, nor on an Avro library.

import { textOf } from './bytes.ts';
import { ProofError } from './error.ts';
import { checkEventSchema } from './event-schema.ts';

/** What the format fixes of an event. */
export interface EventFields {
  readonly id: string;
  /** Microseconds since 1970. */
  readonly occurredAt: bigint;
  readonly topic: string;
  readonly generation: number;
  readonly partition: number;
  readonly offset: bigint;
  readonly producer: ProducerFields | null;
}

export interface ProducerFields {
  readonly instance: string;
  readonly sequence: bigint;
  /** The instance ends here. */
  readonly last: boolean;
  /** Ranges of numbers, both ends included, that the instance gave up. */
  readonly abandoned: readonly { readonly first: bigint; readonly last: bigint }[];
}

/** Reads one value after the other from bytes; throws `malformed-event` at their end. */
export class AvroReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new ProofError('malformed-event', `Avro data end at byte ${this.#at}, expected more`);
    this.#at++;
    return byte;
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) {
      throw new ProofError(
        'malformed-event',
        `Avro data: ${length} bytes at ${this.#at}, but only ${this.#bytes.length - this.#at} are left`,
      );
    }
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  long(): bigint {
    // 28 bits are enough for most numbers and stay clear of BigInt arithmetic.
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt((low >>> 1) ^ -(low & 1));
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw new ProofError('malformed-event', `Avro data: a number at byte ${this.#at} is longer than ten bytes`);
  }

  /** The nearest that a double holds. Without a BigInt for the short ones: there are a hundred lengths and branches in an event. */
  number(): number {
    const start = this.#at;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (low >>> 1) ^ -(low & 1);
    }
    this.#at = start;
    return Number(this.long());
  }

  /** A length, a count or a branch. */
  int(): number {
    const start = this.#at;
    const value = this.number();
    if (value >= -(2 ** 53) && value <= 2 ** 53) return value;
    this.#at = start;
    throw new ProofError('malformed-event', `Avro data: ${this.long()} is no length`);
  }

  bytes(): Uint8Array {
    return this.take(this.int());
  }

  /** Goes past so many bytes. */
  skip(length: number): void {
    if (length < 0 || this.#at + length > this.#bytes.length) this.take(length); // which throws
    this.#at += length;
  }

  /** Goes past a number. */
  skipLong(): void {
    for (let count = 0; count < 10; count++) if (this.byte() < 0x80) return;
    throw new ProofError('malformed-event', `Avro data: a number at byte ${this.#at} is longer than ten bytes`);
  }

  string(): string {
    const bytes = this.bytes();
    try {
      return textOf(bytes);
    } catch (cause) {
      throw new ProofError('malformed-event', `Avro data: a string before byte ${this.#at} is not valid UTF-8`, {
        cause,
      });
    }
  }

  /** Goes past a string if it is the same, byte for byte, as one that was encoded before with its length; answers whether it was. */
  skipSame(encoded: Uint8Array): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    const { length } = encoded;
    if (length === 0) return false;
    for (let n = 0; n < length; n++) if (bytes[start + n] !== encoded[n]) return false;
    this.#at = start + length;
    return true;
  }

  /** The bytes from a place up to here. */
  since(start: number): Uint8Array {
    return this.#bytes.slice(start, this.#at);
  }

  /** Each item of an array (or of a container's metadata); blocks with a negative count carry their size, which is not needed. */
  blocks(item: () => void): void {
    for (let count = this.int(); count !== 0; count = this.int()) {
      if (count < 0) this.int();
      // Items may take no bytes at all (null), so the count alone would let a few bytes keep a reader busy for ever.
      const items = Math.abs(count);
      const start = this.#at;
      for (let i = 0; i < items; i++) {
        item();
        if (this.#at === start && i > 100_000)
          throw new ProofError('malformed-event', 'Avro data: an array of items without bytes');
      }
    }
  }
}

type Decode = (reader: AvroReader) => unknown;
type Schema = string | readonly Schema[] | { readonly [name: string]: unknown };

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const primitives: Readonly<Record<string, Decode>> = {
  null: () => null,
  boolean: reader => {
    const byte = reader.byte();
    if (byte > 1) throw new ProofError('malformed-event', `Avro data: ${byte} is no boolean`);
    return byte === 1;
  },
  int: reader => reader.skipLong(),
  long: reader => reader.skipLong(),
  float: reader => reader.skip(4),
  double: reader => reader.skip(8),
  bytes: reader => reader.skip(reader.int()),
  string: reader => reader.skip(reader.int()),
};

/** Those whose values are wanted, too; strings are {@link repeatedString}. */
const capturing: Readonly<Record<string, Decode>> = {
  ...primitives,
  int: reader => reader.number(),
  long: reader => reader.long(),
};

const longestKept = 256;

/** Strings of one field: most events have the topic and the instance of the one before, and comparing costs less than decoding. */
function repeatedString(): Decode {
  let last = '';
  let encoded: Uint8Array = new Uint8Array(0);
  return reader => {
    if (reader.skipSame(encoded)) return last;
    const start = reader.position;
    last = reader.string();
    encoded = last.length > longestKept ? new Uint8Array(0) : reader.since(start);
    return last;
  };
}

/** A record's values by its fields' names: an object of names that a schema chose would be slow, and could be told lies. */
class Captured {
  readonly #names: ReadonlyMap<string, number>;
  readonly #values: readonly unknown[];

  constructor(names: ReadonlyMap<string, number>, values: readonly unknown[]) {
    this.#names = names;
    this.#values = values;
  }

  /** Undefined where it has no such field. */
  get(name: string): unknown {
    const index = this.#names.get(name);
    return index === undefined ? undefined : this.#values[index];
  }
}

/** Compiles a schema to a decoder that skips; `capture` makes one that returns strings and whole values. */
class Compiler {
  readonly #named = new Map<string, Decode>();
  readonly #capture: boolean;

  constructor(capture: boolean) {
    this.#capture = capture;
  }

  compile(schema: unknown, namespace: string): Decode {
    if (typeof schema === 'string') return this.#reference(schema, namespace);
    if (Array.isArray(schema)) return this.#union(schema.map(branch => this.compile(branch, namespace)));
    if (!isObject(schema)) throw new ProofError('malformed-schema', 'schema: expected a name, a union or an object');
    switch (schema.type) {
      case 'record':
      case 'error':
        return this.record(schema, namespace).decode;
      case 'enum':
        return this.#define(schema, namespace, this.#enum(schema));
      case 'fixed':
        return this.#define(schema, namespace, this.#fixed(schema));
      case 'array':
        return this.#array(this.compile(schema.items, namespace));
      default:
        return this.compile(schema.type, namespace);
    }
  }

  #reference(name: string, namespace: string): Decode {
    if (this.#capture && name === 'string') return repeatedString();
    const primitive = (this.#capture ? capturing : primitives)[name];
    if (primitive && Object.hasOwn(primitives, name)) return primitive;
    const full = name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
    // Looked up when data are read, as a record may name itself.
    return reader => {
      const decode = this.#named.get(full) ?? this.#named.get(name);
      if (!decode) throw new ProofError('malformed-schema', `schema: the type "${name.slice(0, 80)}" is not defined`);
      return decode(reader);
    };
  }

  #define(schema: { readonly [name: string]: unknown }, namespace: string, decode: Decode): Decode {
    const full = fullName(schema, namespace);
    // Two readers would take two of them for the one that a name means.
    if (this.#named.has(full))
      throw new ProofError('malformed-schema', `schema: the type "${full.slice(0, 80)}" is defined twice`);
    this.#named.set(full, decode);
    return decode;
  }

  #union(branches: readonly Decode[]): Decode {
    return reader => {
      const branch = branches[reader.int()];
      if (!branch) throw new ProofError('malformed-event', 'Avro data: a union has no such branch');
      return branch(reader);
    };
  }

  /** A record's decoder, and those of its fields by name, in order. */
  record(
    schema: { readonly [name: string]: unknown },
    namespace: string,
  ): { decode: Decode; fields: [string, Decode][] } {
    const full = fullName(schema, namespace);
    const inner = full.includes('.') ? full.slice(0, full.lastIndexOf('.')) : '';
    const fields: [string, Decode][] = [];
    const decoders: Decode[] = [];
    const names = new Map<string, number>();
    const skip: Decode = reader => {
      for (const field of decoders) field(reader);
      return null;
    };
    const capture: Decode = reader => {
      const values: unknown[] = [];
      for (const field of decoders) values.push(field(reader));
      return new Captured(names, values);
    };
    const decode = this.#capture ? capture : skip;
    this.#define(schema, namespace, decode);
    for (const [name, type] of fieldsOf(schema)) {
      const field = this.compile(type, inner);
      names.set(name, decoders.length);
      decoders.push(field);
      fields.push([name, field]);
    }
    return { decode, fields };
  }

  #enum(schema: { readonly [name: string]: unknown }): Decode {
    const symbols = Array.isArray(schema.symbols) ? schema.symbols.length : 0;
    return reader => {
      const index = reader.int();
      if (index < 0 || index >= symbols)
        throw new ProofError('malformed-event', `Avro data: an enum has no symbol ${index}`);
      return null;
    };
  }

  #fixed(schema: { readonly [name: string]: unknown }): Decode {
    const size = schema.size;
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
      throw new ProofError('malformed-schema', 'schema: a fixed type without size');
    }
    return reader => reader.skip(size);
  }

  #array(item: Decode): Decode {
    const skip: Decode = reader => reader.blocks(() => item(reader));
    if (!this.#capture) return skip;
    return reader => {
      const items: unknown[] = [];
      reader.blocks(() => {
        items.push(item(reader));
      });
      return items;
    };
  }
}

function fullName(schema: { readonly [name: string]: unknown }, namespace: string): string {
  const name = String(schema.name);
  if (name.includes('.')) return name;
  const space = typeof schema.namespace === 'string' ? schema.namespace : namespace;
  return space === '' ? name : `${space}.${name}`;
}

function fieldsOf(schema: { readonly [name: string]: unknown }): [string, unknown][] {
  const fields = schema.fields;
  if (!Array.isArray(fields)) throw new ProofError('malformed-schema', 'schema: a record without fields');
  const names = new Set<string>();
  return fields.map((field: unknown) => {
    if (!isObject(field) || typeof field.name !== 'string')
      throw new ProofError('malformed-schema', 'schema: a field without a name');
    if (names.has(field.name))
      throw new ProofError('malformed-schema', `schema: the field "${field.name.slice(0, 80)}" is there twice`);
    names.add(field.name);
    return [field.name, field.type];
  });
}

function expect<T>(value: unknown, is: (value: unknown) => value is T, what: string): T {
  if (is(value)) return value;
  throw new ProofError('malformed-event', `event: expected ${what}`);
}

const isCaptured = (value: unknown): value is Captured => value instanceof Captured;
const isString = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isLong = (value: unknown): value is bigint => typeof value === 'bigint';

function producerFields(value: unknown): ProducerFields | null {
  if (value === null || value === undefined) return null;
  const producer = expect(value, isCaptured, 'producer to be null or a record');
  const listed = producer.get('abandoned');
  const abandoned: readonly unknown[] = Array.isArray(listed) ? listed : [];
  return {
    instance: expect(producer.get('instance'), isString, 'producer.instance to be a string'),
    sequence: expect(producer.get('sequence'), isLong, 'producer.sequence to be a long'),
    last: producer.get('last') === true,
    abandoned: abandoned.map(item => {
      const range = expect(item, isCaptured, 'producer.abandoned to hold records');
      return {
        first: expect(range.get('first'), isLong, 'first to be a long'),
        last: expect(range.get('last'), isLong, 'last to be a long'),
      };
    }),
  };
}

/** A recursive type lets data of any depth in, and a schema's text types of any depth: both end as what they are, malformed. */
function tooDeep(code: 'malformed-event' | 'malformed-schema', cause: RangeError): ProofError {
  return new ProofError(code, 'nested too deeply to be read', { cause });
}

function boundDepth<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep('malformed-schema', cause);
    throw cause;
  }
}

function compileRecord(schema: { readonly [name: string]: unknown }, capture: boolean): [string, Decode][] {
  return boundDepth(() => new Compiler(capture).record(schema, '').fields);
}

/** Reads the fields of one event and leaves the reader behind it; throws `malformed-event`. */
export type ReadEvent = (reader: AvroReader) => EventFields;

/**
 * Compiles the text of an AuditRecord's schema (Avro JSON) to a reader of its datums.
 * Throws `malformed-schema` where it is not a record with the fields that the format fixes.
 */
export function compileEventReader(schemaText: string): ReadEvent {
  let schema: unknown;
  try {
    schema = JSON.parse(schemaText) satisfies Schema;
  } catch (cause) {
    throw new ProofError('malformed-schema', 'schema: not JSON', { cause });
  }
  boundDepth(() => checkEventSchema(schema));
  if (!isObject(schema)) throw new ProofError('malformed-schema', 'schema: expected a record');
  // Both compilers see the whole record, as a type may be defined in one field and named in another, also the record itself.
  const [skipped, captured] = [compileRecord(schema, false), compileRecord(schema, true)];
  const fixed = ['id', 'occurredAt', 'raw', 'producer'];
  const slots = captured.map(([name]) => fixed.indexOf(name));
  const decoders = captured.map(([, decode], i) => (slots[i] === -1 ? (skipped[i]?.[1] ?? decode) : decode));
  return reader => {
    const values: unknown[] = [undefined, undefined, undefined, undefined];
    try {
      for (let i = 0; i < decoders.length; i++) {
        const value = decoders[i]?.(reader);
        const slot = slots[i] ?? -1;
        if (slot >= 0) values[slot] = value;
      }
    } catch (cause) {
      if (cause instanceof RangeError) throw tooDeep('malformed-event', cause);
      throw cause;
    }
    const raw = expect(values[2], isCaptured, 'raw to be a record');
    return {
      id: expect(values[0], isString, 'id to be a string'),
      occurredAt: expect(values[1], isLong, 'occurredAt to be a long'),
      topic: expect(raw.get('topic'), isString, 'raw.topic to be a string'),
      generation: expect(raw.get('generation'), isNumber, 'raw.generation to be an int'),
      partition: expect(raw.get('partition'), isNumber, 'raw.partition to be an int'),
      offset: expect(raw.get('offset'), isLong, 'raw.offset to be a long'),
      producer: producerFields(values[3]),
    };
  };
}
