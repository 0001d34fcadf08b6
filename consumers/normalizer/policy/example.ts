// Examples: events as people write them, made into the records that the normalizer would make of them, and what a policy does to these.
// What is left out is filled in, so that an example shows what it is about and nothing else.

import { type AuditRecord, auditEventText, auditEventType } from '../../../schemas/index.ts';
import { decide } from '../decide.ts';
import { makeWriter } from '../writer-schema.ts';
import type { PolicyExample } from './file.ts';
import { parsePath, replaceAt } from './path.ts';
import { type LoadedPolicy, outcomeOf, type PolicyDecision } from './policy.ts';
import { EVENT_SHAPE, type Shape } from './shape.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with an event, each as a line of text; nothing of it is quoted but names of fields. */
export class ExampleError extends Error {
  override readonly name = 'ExampleError';
}

const place = { topic: 'example', generation: 0, partition: 0 };
/** Stands for a text that can't be read any more. */
const SEALED = '[sealed]';
const missing: Fields = {
  id: '00000000-0000-4000-8000-000000000000',
  occurredAt: 1_767_225_600_000_000,
  targets: [{ type: 'thing', id: '1' }],
};
/** What the normalizer adds: there in events that were read from an archive, and made anew here. */
const ADDED = new Set([
  'raw',
  'received',
  'normalizedAt',
  'attribution',
  'attributionReason',
  'enrichment',
  'flags',
  'policy',
  'refused',
  'original',
]);

/**
 * The record of an event that may leave out whatever has a default, and may write values as they are (`after: 5`), attributes
 * as a map, and `occurredAt` as ISO 8601 time. Throws ExampleError.
 */
export function recordOfExample(event: unknown, attribution?: AuditRecord['attribution']): AuditRecord {
  if (!isFields(event)) throw new ExampleError('found no map, expected an event');
  const own = Object.fromEntries(Object.entries(event).filter(([name]) => !ADDED.has(name)));
  const completed = complete({ ...missing, ...own }, EVENT_SHAPE, '');
  const { avro } = auditEventType();
  let value: Buffer;
  try {
    value = Buffer.concat([Buffer.alloc(5), avro.toBuffer(avro.clone(completed))]);
  } catch {
    const paths: string[] = [];
    avro.isValid(completed, { errorHook: path => void paths.push(path.join('.')) });
    throw new ExampleError(`found a value of another type than the schema's at ${paths.join(', ') || 'a field'}`);
  }
  const raw = { offset: 0n, timestamp: 1_767_225_600_000, logAppendTime: true, key: null, value, headers: [] };
  const { record } = decide(raw, place, makeWriter(auditEventText), 1_767_225_600_000_000);
  if (record.refused !== null) {
    const lines = record.refused.problems.map(
      ({ field, found, expected }) => `${field}: found ${found}, expected ${expected}`,
    );
    throw new ExampleError(lines.join('\n') || record.refused.message);
  }
  return { ...record, attribution: attribution ?? record.attribution };
}

function complete(value: unknown, shape: Shape, where: string): unknown {
  if (value === null || value === undefined) return value;
  if (shape.kind === 'list') return completeList(value, shape.item, where);
  if (shape.kind === 'record') return completeRecord(value, shape, where);
  if (shape.kind === 'text' && isFields(value)) return SEALED; // of an event that was read from an archive
  // Only times are written as texts where the schema has numbers.
  if (shape.kind === 'other' && typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value))
    return Date.parse(value) * 1000;
  return value;
}

function completeList(value: unknown, item: Shape, where: string): unknown {
  const isAttributes = item.kind === 'record' && item.name === 'dev.tidemark.Attribute';
  const list =
    isAttributes && isFields(value) ? Object.entries(value).map(([key, one]) => ({ key, value: one })) : value;
  return Array.isArray(list) ? list.map((one, index) => complete(one, item, `${where}[${index}]`)) : value;
}

function completeRecord(value: unknown, { name, fields }: Extract<Shape, { kind: 'record' }>, where: string): unknown {
  if (name === 'dev.tidemark.Value') {
    if (!isFields(value) || !('text' in value)) return asValue(value);
    if (isFields(value.text)) return asValue(SEALED);
  }
  if (!isFields(value)) throw new ExampleError(`${where}: found no map, expected fields`);
  const completed: Record<string, unknown> = /\.(?:Actor|Delegator)$/.test(name) ? { kind: 'human' } : {};
  for (const [key, one] of Object.entries(value)) {
    const field = fields.get(key);
    const path = where === '' ? key : `${where}.${key}`;
    if (field === undefined) throw new ExampleError(`${path}: found a field that events do not have`);
    completed[key] = complete(one, field, path);
  }
  return completed;
}

function asValue(value: unknown): { type: string; text: string } {
  if (typeof value === 'string') return { type: 'string', text: value };
  if (typeof value === 'boolean') return { type: 'boolean', text: `${value}` };
  if (Number.isSafeInteger(value)) return { type: 'integer', text: `${value}` };
  return { type: typeof value === 'number' ? 'number' : 'json', text: JSON.stringify(value) };
}

export interface ExampleResult {
  readonly name: string;
  /** What was expected and not found; empty: it passed. */
  readonly problems: readonly string[];
}

/** Runs the examples that a policy file has. */
export function runExamples(policy: LoadedPolicy): ExampleResult[] {
  return policy.examples.map(example => ({ name: example.name, problems: problemsOf(policy, example) }));
}

function problemsOf(policy: LoadedPolicy, example: PolicyExample): string[] {
  let record: AuditRecord;
  try {
    record = recordOfExample(example.event, example.attribution);
  } catch (error) {
    if (error instanceof ExampleError) return error.message.split('\n');
    throw error;
  }
  const decision = policy.apply(record);
  const problems: string[] = [];
  const found = outcomeOf(decision);
  if (found !== example.expect) problems.push(`expected ${example.expect}, found ${found}${whyOf(decision)}`);
  const rules = decision.record.policy?.rules ?? [];
  if (example.rules && example.rules.toSorted().join() !== rules.toSorted().join()) {
    problems.push(`expected the rules ${listOf(example.rules)}, found ${listOf(rules)}`);
  }
  if (example.masked) problems.push(...maskProblems(record, decision, example.masked));
  return problems;
}

function maskProblems(record: AuditRecord, decision: PolicyDecision, expected: readonly string[]): string[] {
  const masked = new Set(
    decision.record.flags.flatMap(({ code, field }) => (code === 'masked' && field ? [field] : [])),
  );
  const problems: string[] = [];
  const covered = new Set<string>();
  for (const text of expected) {
    const path = parsePath(text);
    if (typeof path === 'string') {
      problems.push(`masked: found ${path} in ${text}`);
      continue;
    }
    const places: string[] = [];
    replaceAt(record, path, (old, where) => {
      places.push(where);
      return old;
    });
    if (places.length === 0 || places.some(where => !masked.has(where))) problems.push(`expected ${text} to be masked`);
    for (const where of places) covered.add(where);
  }
  const others = [...masked].filter(where => !covered.has(where));
  return others.length === 0 ? problems : [...problems, `found ${others.join(', ')} masked, which was not expected`];
}

function whyOf({ record, refuse }: PolicyDecision): string {
  if (refuse !== null) return `: ${refuse.message}`;
  const notes = record.flags.flatMap(({ code, note }) => (code.startsWith('policy-') && note ? [note] : []));
  return notes.length === 0 ? '' : `: ${notes.join('; ')}`;
}

const listOf = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
