// Whole events, decoded by the schema in their own container: ours, an older or newer one, or one that someone else wrote.
// Longs are exact (bigint where a number is not), bytes are bytes, whatever the shape.

import avro from 'avsc';

/** Decodes datums; the text is why one can't be. */
export type Decode = (datum: Uint8Array) => { readonly value: unknown } | { readonly problem: string };

const maxSchemas = 64;
const decoders = new Map<string, Decode>();

/** A long is a number where that is exact, else a bigint. */
const long = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => exact(buffer.readBigInt64LE()),
  toBuffer: (value: number | bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(BigInt(value));
    return buffer;
  },
  fromJSON: (value: number | string) => exact(BigInt(value)),
  toJSON: (value: number | bigint) => Number(value),
  isValid: (value: unknown) => typeof value === 'bigint' || Number.isSafeInteger(value),
  compare: (a: number | bigint, b: number | bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

function exact(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** A decoder for the schema's text; `digest` names it. Never throws: evidence is shown even where its shape is not understood. */
export function decoderFor(digest: string, schemaText: string): Decode {
  const known = decoders.get(digest);
  if (known) return known;
  if (decoders.size >= maxSchemas) decoders.clear();
  const decode = compile(schemaText);
  decoders.set(digest, decode);
  return decode;
}

function compile(schemaText: string): Decode {
  try {
    const type = avro.Type.forSchema(JSON.parse(schemaText), {
      omitRecordMethods: true,
      typeHook: schema => (isLong(schema) ? long : undefined),
    });
    return datum => {
      try {
        return { value: type.fromBuffer(Buffer.from(datum.buffer, datum.byteOffset, datum.length)) };
      } catch (error) {
        return { problem: error instanceof Error ? error.message : String(error) };
      }
    };
  } catch (error) {
    const problem = `its schema can't be used: ${error instanceof Error ? error.message : error}`;
    return () => ({ problem });
  }
}

function isLong(schema: unknown): boolean {
  if (schema === 'long') return true;
  return typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'long';
}
