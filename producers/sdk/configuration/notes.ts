/**
 * What is known of a configuration, as its store keeps it: the state that was recorded last, and behind it those whose events Kafka has not
 * acknowledged. A state is noted before it is recorded, under the event's id: whenever the process dies, the next one records it, with the
 * time and the version of the start that it is about, and under the same id.
 */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { v5 as uuidv5 } from 'uuid';
import { z } from 'zod';
import { type Entry, printOf } from './entries.ts';
import { unusable } from './store.ts';

/** Values that a program was started with. */
export interface State {
  /** Of its event: made of the state before and the print, so that all who note the same change give it the same. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly print: string;
  readonly entries: readonly Entry[];
  /** What the event says beside: where from, through which change, why. */
  readonly said: Said;
}

export type Said = z.infer<typeof said>;

export interface Notes {
  /** Whose configuration it is. */
  readonly of: string;
  readonly key: KeyObject;
  readonly recorded: State | null;
  /** In order of time. */
  readonly waiting: readonly State[];
}

/** More starts than these, each with other values, while nothing can be recorded: all but the last of the rest are left out. */
const MOST_WAITING = 32;
/** Of this project alone, drawn once: the ids hang on it. */
const NAMESPACE = 'b7677814-0a20-4d9a-92db-79d32ac299c4';
const KEY_BYTES = 32;

const text = z.string();
const optional = text.optional();
const said = z.strictObject({
  origin: z.strictObject({
    service: text,
    version: optional,
    commit: optional,
    environment: optional,
    region: optional,
    host: optional,
  }),
  change: z.strictObject({ perimeter: text, reference: optional, run: optional, approval: optional }),
  reason: optional,
});
const nothing = z.never();
const clear = z.union([text, z.number(), z.boolean(), z.null(), z.array(nothing), z.record(text, nothing)]);
const entry = z.strictObject({ path: text, print: text, secret: z.literal(true).optional(), value: clear.optional() });
const state = z.strictObject({ id: z.uuid(), at: z.int(), print: text, entries: z.array(entry), said });
const stored = z.strictObject({
  format: z.literal('tidemark-configuration-1'),
  of: text,
  key: text.refine(one => Buffer.from(one, 'base64').length === KEY_BYTES),
  recorded: state.nullable(),
  waiting: z.array(state),
});

/** Those of a first start: with a key of their own. */
export function firstNotes(of: string): Notes {
  return { of, key: createSecretKey(randomBytes(KEY_BYTES)), recorded: null, waiting: [] };
}

/** Throws AuditError `store-unusable` where the text is damaged, or about another configuration. Nothing of it is quoted. */
export function parseNotes(source: string, of: string, store: string): Notes {
  const result = stored.safeParse(json(source));
  if (!result.success) {
    const advice =
      'keep it, and move it away to begin anew: the next start then records all values (configuration.create)';
    throw unusable(store, `found something that this version of the SDK did not write, or that is damaged; ${advice}`);
  }
  const { key, recorded, waiting } = result.data;
  if (result.data.of === of) return { of, key: createSecretKey(Buffer.from(key, 'base64')), recorded, waiting };
  const advice = 'give each configuration a store of its own';
  throw unusable(
    store,
    `found that of ${JSON.stringify(result.data.of)}, expected that of ${JSON.stringify(of)}: ${advice}`,
  );
}

export function formatNotes({ of, key, recorded, waiting }: Notes): string {
  const exported = key.export().toString('base64');
  return `${JSON.stringify({ format: 'tidemark-configuration-1', of, key: exported, recorded, waiting })}\n`;
}

/** With the values of this start. The notes themselves where they say it already. */
export function withStart(notes: Notes, entries: readonly Entry[], said: Said, at: number): Notes {
  const { key, recorded, waiting } = notes;
  const print = printOf(entries, key);
  const last = waiting.at(-1) ?? recorded;
  if (last?.print === print)
    return isDeepStrictEqual(last.entries, entries) ? notes : withLast(notes, { ...last, entries });
  const kept = waiting.slice(0, MOST_WAITING - 1);
  const before = kept.at(-1) ?? recorded;
  const id = uuidv5(JSON.stringify([before?.id ?? null, print]), NAMESPACE);
  return { ...notes, waiting: [...kept, { id, at, print, entries, said }] };
}

/** Other rules say what may be told in clear. */
function withLast(notes: Notes, state: State): Notes {
  if (notes.waiting.length === 0) return { ...notes, recorded: state };
  return { ...notes, waiting: [...notes.waiting.slice(0, -1), state] };
}

function json(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return undefined;
  }
}
