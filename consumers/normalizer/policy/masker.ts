// Masks a record: every text of it that its producer controls, ids and the keys of attributes too. The record that comes in is never
// changed; of one with nothing to mask, nothing is copied.

import { type Detector, maskOf } from '../../../core/masking/index.ts';
import type { AuditRecord, EventBytes, Flag, Value } from '../../../schemas/index.ts';
import { type FieldPath, replaceAt } from './path.ts';
import { EVENT_SHAPE, type Shape } from './shape.ts';

/** Fields that are masked whole, by the rule that says so. */
export interface FieldMask {
  readonly rule: string;
  readonly path: FieldPath;
}

export interface MaskPlan {
  readonly detector: Detector;
  /** For the producer's instance: secrets alone, since numbers join within its name, and an id of digits must not change. */
  readonly instanceDetector: Detector;
  readonly fields: readonly FieldMask[];
}

type RecordShape = Extract<Shape, { kind: 'record' }>;
type Mark = (where: string, names: readonly string[]) => void;

/** What no secret can be in, by the check of events (UUIDs, an action's name), and what is looked at apart. */
const APART = new Set(['id', 'action', 'corrects', 'producer']);
const maxFlags = 50;

const SHAPE: RecordShape = {
  ...EVENT_SHAPE,
  fields: new Map([...EVENT_SHAPE.fields].filter(([name]) => !APART.has(name))),
};
const someText = compileSome(SHAPE);

/** The record with its secrets masked and a flag for each field concerned. `bytes`: those of its event, where they say what it does. */
export function maskRecord(record: AuditRecord, plan: MaskPlan, bytes: EventBytes | null = null): AuditRecord {
  const { detector, instanceDetector, fields } = plan;
  const { producer } = record;
  const inInstance = producer !== null && instanceDetector.mayHold(producer.instance);
  if (fields.length === 0 && !inInstance && !mayHold(record, detector, bytes)) return record;
  const found = new Map<string, readonly string[]>();
  const mark: Mark = (where, names) => void found.set(where, [...new Set([...(found.get(where) ?? []), ...names])]);
  let masked = record;
  for (const { rule, path } of fields) {
    masked = replaceAt(masked, path, (text, where) => {
      const mask = maskOf(rule);
      if (text !== mask) mark(where, [rule]);
      return mask;
    });
  }
  masked = retype(maskTexts(masked, SHAPE, '', detector, mark), record);
  const instance = producer === null ? null : instanceDetector.mask(producer.instance);
  if (producer !== null && instance !== null) {
    masked = { ...masked, producer: { ...producer, instance: instance.text } };
    mark('producer.instance', instance.names);
  }
  return found.size === 0 ? record : { ...masked, flags: [...record.flags, ...flagsOf(found)] };
}

function flagsOf(found: ReadonlyMap<string, readonly string[]>): Flag[] {
  const flags = [...found].map(([field, names]): Flag => ({ code: 'masked', field, note: names.join(', ') }));
  if (flags.length <= maxFlags) return flags;
  const more = { code: 'masked', field: null, note: `${flags.length - maxFlags} more fields` };
  return [...flags.slice(0, maxFlags), more];
}

/** Whether any text of the record is worth a try at masking. */
function mayHold(record: AuditRecord, { mayHold: test, mayHoldBytes }: Detector, bytes: EventBytes | null): boolean {
  if (bytes === null || mayHoldBytes === null) return someText(record, test);
  const { datum, texts, fields } = bytes;
  for (let n = 0; n < SOUGHT.length; n++) {
    if (SOUGHT[n] !== true) continue;
    const end = 2 * (fields[n + 1] ?? texts.length / 2);
    for (let at = 2 * (fields[n] as number); at < end; at += 2)
      if (mayHoldBytes(datum, texts[at] as number, texts[at + 1] as number)) return true;
  }
  return false;
}

/** Of each field of an event, in order: whether its texts are looked at. */
const SOUGHT = [...EVENT_SHAPE.fields.keys()].map(name => !APART.has(name));

type Some = (value: unknown, test: (text: string) => boolean) => boolean;

/** Whether any text passes the test: the way that nearly every record takes, so it is made once and builds nothing. */
function compileSome(shape: RecordShape): Some;
function compileSome(shape: Shape): Some | null;
function compileSome(shape: Shape): Some | null {
  if (shape.kind === 'text') return (value, test) => typeof value === 'string' && test(value);
  if (shape.kind === 'other') return null;
  if (shape.kind === 'list') {
    const item = compileSome(shape.item);
    if (item === null) return null;
    return (value, test) => Array.isArray(value) && value.some(one => item(one, test));
  }
  const fields = [...shape.fields].flatMap(([name, field]): [string, Some][] => {
    const some = compileSome(field);
    return some === null ? [] : [[name, some]];
  });
  return (value, test) => isFields(value) && fields.some(([name, some]) => some(value[name], test));
}

function maskTexts<T>(value: T, shape: Shape, where: string, detector: Detector, mark: Mark): T;
function maskTexts(value: unknown, shape: Shape, where: string, detector: Detector, mark: Mark): unknown {
  if (shape.kind === 'text' && typeof value === 'string') {
    const masked = detector.mask(value);
    if (masked === null) return value;
    mark(where, masked.names);
    return masked.text;
  }
  if (shape.kind === 'list' && Array.isArray(value)) {
    return value.map((item, index) => maskTexts(item, shape.item, `${where}[${index}]`, detector, mark));
  }
  if (shape.kind !== 'record' || !isFields(value)) return value;
  const copy: Record<string, unknown> = { ...value };
  for (const [name, field] of shape.fields) {
    copy[name] = maskTexts(value[name], field, where === '' ? name : `${where}.${name}`, detector, mark);
  }
  return copy;
}

/** A masked text may be no number and no JSON any more, and two keys of attributes may have become one. */
function retype(masked: AuditRecord, before: AuditRecord): AuditRecord {
  const keys = new Set<string>();
  const attributes = masked.attributes.map(({ key, value }, index) => {
    let unique = key;
    for (let n = 2; keys.has(unique); n++) unique = `${key} ${n}`;
    keys.add(unique);
    return { key: unique, value: retypeValue(value, before.attributes[index]?.value) };
  });
  const targets = masked.targets.map((target, t) => ({
    ...target,
    changes: target.changes.map((change, c) => {
      const old = before.targets[t]?.changes[c];
      return {
        ...change,
        before: change.before && retypeValue(change.before, old?.before),
        after: change.after && retypeValue(change.after, old?.after),
      };
    }),
  }));
  return { ...masked, attributes, targets };
}

function retypeValue(value: Value, before: Value | null | undefined): Value {
  if (value.type === 'string' || value.text === before?.text) return value;
  return value.type === 'json' && isJson(value.text) ? value : { ...value, type: 'string' };
}

function isJson(text: unknown): boolean {
  try {
    JSON.parse(String(text));
    return true;
  } catch {
    return false;
  }
}

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
