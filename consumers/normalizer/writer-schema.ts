// What a raw record was written with: found by the schema id in its prefix, made ready once for each id.

import { hash } from 'node:crypto';
import type avro from 'avsc';
import { LRUCache } from 'lru-cache';
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

/** How to read data of a schema as an AuditEvent. */
export interface WriterSchema {
  /** Checks and decodes a datum; answers the first flaw of one that is not sound. */
  read(datum: Buffer): EventRead | DatumFlaw;
  /** Paths of what the writer can say and we can't. */
  readonly unknown: readonly string[];
}

/** `unknown-schema`: the registry has none of that id; `unusable-schema`: one that is no AuditEvent. */
export type NoSchema = 'unknown-schema' | 'unusable-schema';

/** Makes the writer of a schema's text ready. */
export function makeWriter(text: string): WriterSchema | NoSchema {
  const reader = auditEventType().avro;
  try {
    const writer: avro.Type = avroType(text);
    // By their canonical forms: a registry may have another text of the same schema.
    if (reader.equals(writer)) return { read: readEvent, unknown: [] };
    return { read: readerOf(writer, reader), unknown: unknownTo(auditEventText, text) };
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
  /** Asks for those of a window's ids that are news, a few at a time: afterwards they are known. */
  prepare(ids: Iterable<number>, signal: AbortSignal): Promise<void>;
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

/** Records that are looked through for ids at once: far fewer than are remembered. */
export const SCHEMA_WINDOW = 1024;
/** Ids that are remembered, texts (in UTF-16 units), and what is made of them, some 360 KiB each: thousands of ids may name the same text. */
const maxIds = 20_000;
const maxTexts = 16 << 20;
const maxCompiled = 100;
/** Requests at a time: whoever writes ids that nobody knows must not keep others from the registry. */
const maxRequests = 8;
/** Ids are Java's ints: what is beyond has no schema, and a registry may answer anything but that. */
const maxId = 2 ** 31 - 1;

type Found = WriterSchema | NoSchema;

export function createWriterSchemas(registry: Pick<Registry, 'textOf'>, options: WriterSchemasOptions): WriterSchemas {
  const { retryMs = 500, unknownMs = 10_000, secondLookMs = 500 } = options;
  const request = limited(maxRequests);
  /** Of each id, the digest of its text; by that, the text and what is made of it when a record comes that needs it. */
  const digests = new LRUCache<number, string>({ max: maxIds });
  const texts = new LRUCache<string, string>({ maxSize: maxTexts, sizeCalculation: text => text.length + 1 });
  const compiled = new LRUCache<string, Found>({ max: maxCompiled });
  const unknownUntil = new LRUCache<number, number>({ max: maxIds });

  const compile = (digest: string, text: string): Found => {
    const writer = compiled.get(digest) ?? makeWriter(text);
    compiled.set(digest, writer);
    return writer;
  };

  const known = (id: number): Found | undefined => {
    const digest = digests.get(id);
    if (digest !== undefined) {
      const writer = compiled.get(digest);
      if (writer !== undefined) return writer;
      const text = texts.get(digest);
      return text === undefined ? undefined : compile(digest, text);
    }
    if (id > maxId) return 'unknown-schema';
    const until = unknownUntil.get(id);
    return until !== undefined && Date.now() < until ? 'unknown-schema' : undefined;
  };

  /** Answers the digest of the text that the registry has for the id; null: it has none. */
  const fetchText = async (id: number, signal: AbortSignal): Promise<{ digest: string; text: string } | null> => {
    let missed = 0;
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      try {
        const text = await request(() => registry.textOf(id));
        const digest = hash('sha256', text);
        digests.set(id, digest);
        texts.set(digest, text);
        return { digest, text };
      } catch (error) {
        if (error instanceof SchemaError && error.code === 'unknown-schema') {
          missed++;
          if (missed > 1) {
            unknownUntil.set(id, Date.now() + unknownMs);
            return null;
          }
          await pause(secondLookMs, signal);
        } else {
          options.onWait(id, error);
          await pause(Math.min(10_000, retryMs * 2 ** Math.min(attempt, 5)), signal);
        }
      }
    }
  };

  const find = async (id: number, signal: AbortSignal): Promise<Found> => {
    const found = known(id);
    if (found !== undefined) return found;
    const fetched = await fetchText(id, signal);
    return fetched ? compile(fetched.digest, fetched.text) : 'unknown-schema';
  };

  const prepare = async (ids: Iterable<number>, signal: AbortSignal): Promise<void> => {
    const isNews = (id: number): boolean => !digests.has(id) && known(id) === undefined;
    await Promise.all([...new Set(ids)].filter(isNews).map(id => fetchText(id, signal)));
  };
  return { known, find, prepare };
}

/** Lets so many go on at a time; the others wait for their turn. */
function limited(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let active = 0;
  return async work => {
    if (active < most) active++;
    else await new Promise<void>(resolve => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else active--;
    }
  };
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
