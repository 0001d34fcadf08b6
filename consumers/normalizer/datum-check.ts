// Walks a datum of another schema than ours before avsc decodes it, since avsc trusts what it reads (schemas/datum-reader.ts says what
// it lets through; it checks data of our own schema while it reads them). What passes here is exactly what was written.

import { isUtf8 } from 'node:buffer';
import type avro from 'avsc';
import { type DatumFlaw, DatumError as Flaw } from '../../schemas/index.ts';

/** What is wrong with a datum, or null; for the first flaw met. */
export type DatumCheck = (datum: Buffer) => DatumFlaw | null;

/** What avsc decodes rightly, and what is exact here. */
const minLong = 1 - 2 ** 52;
const maxLong = 2 ** 53 - 2;
/** Items may take no bytes, so that their count alone could keep us busy. */
const maxItems = 1_000_000;

class Cursor {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new Flaw('undecodable');
    this.at++;
    return byte;
  }

  /** A long of at most ten bytes: exact from -2^52 to 2^53, beyond that rounded, but of the right sign. */
  long(): number {
    const first = this.byte();
    let value = first & 0x7f;
    let byte = first;
    for (let scale = 128; byte >= 0x80; scale *= 128) {
      if (scale > 2 ** 63) throw new Flaw('undecodable');
      byte = this.byte();
      value += (byte & 0x7f) * scale;
    }
    return (first & 1) === 0 ? value / 2 : -(value + 1) / 2;
  }

  take(length: number): Buffer {
    const end = this.at + length;
    if (length < 0 || end > this.#bytes.length) throw new Flaw('undecodable');
    const bytes = this.#bytes.subarray(this.at, end);
    this.at = end;
    return bytes;
  }

  skip(length: number): void {
    if (length < 0 || this.at + length > this.#bytes.length) throw new Flaw('undecodable');
    this.at += length;
  }
}

type Walk = (cursor: Cursor) => void;

/** Compiles the check of data that `writer` wrote and `reader` will read. */
export function compileCheck(writer: avro.Type, reader: avro.Type): DatumCheck {
  const walk = compile(writer, reader, new Map());
  return datum => {
    const cursor = new Cursor(datum);
    try {
      walk(cursor);
    } catch (error) {
      return error instanceof Flaw ? error.flaw : 'undecodable'; // a stack that overflows: nested without end
    }
    return cursor.at === datum.length ? null : 'trailing-bytes';
  };
}

// avsc's types as far as they are walked; its own declarations leave most of it out.
interface AnyType extends avro.Type {
  readonly fields?: readonly { readonly name: string; readonly type: AnyType }[];
  readonly itemsType?: AnyType;
  readonly valuesType?: AnyType;
  readonly types?: readonly AnyType[];
  readonly symbols?: readonly string[];
  readonly size?: number;
  readonly underlyingType?: AnyType;
}

const primitives: Readonly<Record<string, Walk>> = {
  null: () => {},
  boolean: cursor => {
    if (cursor.byte() > 1) throw new Flaw('undecodable');
  },
  int: cursor => {
    const value = cursor.long();
    if (value < -(2 ** 31) || value >= 2 ** 31) throw new Flaw('out-of-range');
  },
  float: cursor => cursor.skip(4),
  double: cursor => cursor.skip(8),
  bytes: cursor => cursor.skip(cursor.long()),
  string: cursor => {
    if (!isUtf8(cursor.take(cursor.long()))) throw new Flaw('invalid-utf8');
  },
};

const anyLong: Walk = cursor => void cursor.long();
const knownLong: Walk = cursor => {
  const value = cursor.long();
  if (value < minLong || value > maxLong) throw new Flaw('out-of-range');
};

/** `reader` is null for what is read by nobody: it is skipped, and its numbers may be of any size. */
function compile(writer: AnyType, reader: AnyType | null, known: Map<AnyType, Walk>): Walk {
  const type = writer.underlyingType ?? writer;
  const kind = type.typeName;
  if (kind === 'long') return reader ? knownLong : anyLong;
  const primitive = primitives[kind];
  if (primitive) return primitive;
  const made = known.get(type);
  if (made) return made;
  let walk: Walk = () => {};
  // A type may hold itself, so it has to be known before its parts are compiled.
  known.set(type, cursor => walk(cursor));
  const as = reader?.underlyingType ?? reader;
  walk = compileComplex(type, as, known);
  return walk;
}

function compileComplex(type: AnyType, reader: AnyType | null, known: Map<AnyType, Walk>): Walk {
  if (type.fields) {
    const fields = type.fields.map(({ name, type: field }) =>
      compile(field, reader?.fields?.find(one => one.name === name)?.type ?? branchOf(reader, type, name), known),
    );
    return cursor => {
      for (const field of fields) field(cursor);
    };
  }
  if (type.itemsType) return blocks(compile(type.itemsType, reader?.itemsType ?? null, known));
  if (type.valuesType) {
    const value = compile(type.valuesType, reader?.valuesType ?? null, known);
    return blocks(cursor => {
      primitives.string?.(cursor);
      value(cursor);
    });
  }
  if (type.types) {
    const branches = type.types.map(branch => compile(branch, sameBranch(reader, branch), known));
    return cursor => {
      const branch = branches[cursor.long()];
      if (!branch) throw new Flaw('undecodable');
      branch(cursor);
    };
  }
  if (type.symbols) {
    const { length } = type.symbols;
    return cursor => {
      const index = cursor.long();
      if (index < 0 || index >= length) throw new Flaw('undecodable');
    };
  }
  const { size } = type;
  if (size === undefined) throw new TypeError(`found an Avro type ${type.typeName}, expected one that is known`);
  return cursor => cursor.skip(size);
}

/** Where a writer's record is read as one branch of the reader's union. */
function branchOf(reader: AnyType | null, record: AnyType, field: string): AnyType | null {
  const branch = reader?.types?.find(one => one.typeName === 'record' && one.name === record.name);
  return branch?.fields?.find(({ name }) => name === field)?.type ?? null;
}

function sameBranch(reader: AnyType | null, branch: AnyType): AnyType | null {
  if (!reader) return null;
  const candidates = reader.types ?? [reader];
  return candidates.find(one => one.typeName === branch.typeName && one.name === branch.name) ?? null;
}

function blocks(item: Walk): Walk {
  return cursor => {
    for (let count = cursor.long(); count !== 0; count = cursor.long()) {
      if (count < 0) cursor.long();
      const items = Math.abs(count);
      if (items > maxItems) throw new Flaw('undecodable');
      for (let i = 0; i < items; i++) item(cursor);
    }
  };
}
