// What a raw record was written with: found by the schema id in its prefix, made ready once for each id.

import type avro from 'avsc';
import {
  auditEventText,
  auditEventType,
  avroType,
  type DatumFlaw,
  type EventRead,
  type Registry,
  readEvent,
  SchemaError,
  unknownTo,
} from '../../schemas/index.ts';
import { compileCheck } from './datum-check.ts';

/** How to read data of a schema id as an AuditEvent. */
export interface WriterSchema {
  readonly id: number;
  /** Checks and decodes a datum; answers the first flaw of one that is not sound. */
  read(datum: Buffer): EventRead | DatumFlaw;
  /** Paths of what the writer can say and we can't. */
  readonly unknown: readonly string[];
}

/** `unknown-schema`: the registry has none of that id; `unusable-schema`: one that is no AuditEvent. */
export type NoSchema = 'unknown-schema' | 'unusable-schema';

/** Makes the writer of a schema's text ready. */
export function makeWriter(id: number, text: string): WriterSchema | NoSchema {
  const reader = auditEventType().avro;
  try {
    const writer: avro.Type = avroType(text);
    // By their canonical forms: a registry may have another text of the same schema.
    if (reader.equals(writer)) return { id, read: readEvent, unknown: [] };
    return { id, read: readerOf(writer, reader), unknown: unknownTo(auditEventText, text) };
  } catch {
    return 'unusable-schema';
  }
}

/** Reads data of an older or newer schema. */
function readerOf(writer: avro.Type, reader: avro.Type): WriterSchema['read'] {
  const resolver = reader.createResolver(writer);
  const check = compileCheck(writer, reader);
  return datum => {
    const flaw = check(datum);
    if (flaw) return flaw;
    try {
      return { event: reader.fromBuffer(datum, resolver), bytes: null, isPlain: false };
    } catch {
      return 'undecodable';
    }
  };
}

export interface WriterSchemas {
  /** What is known already, without asking. */
  known(id: number): WriterSchema | NoSchema | undefined;
  /** Asks the registry, and goes on asking while it gives no answer: a record is never refused because a registry is down. */
  find(id: number, signal: AbortSignal): Promise<WriterSchema | NoSchema>;
}

export interface WriterSchemasOptions {
  /** Told each time that the registry gave no answer. */
  onWait(id: number, error: unknown): void;
  readonly retryMs?: number;
  /** How long "unknown" is believed: somebody may register the schema after all. */
  readonly unknownMs?: number;
  /** A registry's replica may be a moment behind: a refusal is for ever, so we ask twice. */
  readonly secondLookMs?: number;
}

const maxKnown = 1000;

export function createWriterSchemas(registry: Pick<Registry, 'textOf'>, options: WriterSchemasOptions): WriterSchemas {
  const { retryMs = 500, unknownMs = 10_000, secondLookMs = 500 } = options;
  const writers = new Map<number, WriterSchema | NoSchema>();
  const unknownUntil = new Map<number, number>();

  const known = (id: number): WriterSchema | NoSchema | undefined => {
    const until = unknownUntil.get(id);
    if (until === undefined) return writers.get(id);
    if (Date.now() < until) return 'unknown-schema';
    unknownUntil.delete(id);
    return undefined;
  };

  const find = async (id: number, signal: AbortSignal): Promise<WriterSchema | NoSchema> => {
    let missed = 0;
    for (let attempt = 0; ; attempt++) {
      const found = known(id);
      if (found !== undefined) return found;
      signal.throwIfAborted();
      try {
        const writer = makeWriter(id, await registry.textOf(id));
        if (writers.size >= maxKnown) writers.clear();
        writers.set(id, writer);
        return writer;
      } catch (error) {
        if (error instanceof SchemaError && error.code === 'unknown-schema') {
          missed++;
          if (missed > 1) {
            if (unknownUntil.size >= maxKnown) unknownUntil.clear();
            unknownUntil.set(id, Date.now() + unknownMs);
            return 'unknown-schema';
          }
          await pause(secondLookMs, signal);
        } else {
          options.onWait(id, error);
          await pause(Math.min(10_000, retryMs * 2 ** Math.min(attempt, 5)), signal);
        }
      }
    }
  };
  return { known, find };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
