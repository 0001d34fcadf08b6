// Paths of fields in a policy: `reason`, `actor.email`, `targets[].name`, `targets[0].name`, `targets[account].changes[limit].after`,
// `attributes[order.currency]`. Of a list, [] is every element, [0] the first, and a word is those whose type (targets), field (changes)
// or key (attributes) it is. An attribute or a value stands for its text.

import type { AuditRecord } from '../../../schemas/types.ts';
import { EVENT_SHAPE, type Shape } from './shape.ts';

type Fields = Readonly<Record<string, unknown>>;
type Pick = { readonly index: number } | { readonly by: string; readonly value: string } | 'all';
type Step = { readonly name: string; readonly pick: Pick | null };

export interface FieldPath {
  readonly text: string;
  readonly steps: readonly Step[];
  /** It ends at a text. */
  readonly isText: boolean;
}

/** By what the elements of a list are named. */
const NAMED_BY: Readonly<Record<string, string>> = { targets: 'type', changes: 'field', attributes: 'key' };
const STEP = /([A-Za-z]+)(?:\[([^\]]*)\])?(\.|$)/y;

/** Parses a path; answers what is wrong with it as a text. */
export function parsePath(text: string): FieldPath | string {
  const steps: Step[] = [];
  let shape: Shape = EVENT_SHAPE;
  STEP.lastIndex = 0;
  for (let at = 0; at < text.length || at === 0; at = STEP.lastIndex) {
    const [, name, inside, dot] = STEP.exec(text) ?? [];
    if (name === undefined || (dot === '.') === (STEP.lastIndex === text.length)) return 'what is no path';
    const field: Shape | undefined = shape.kind === 'record' ? shape.fields.get(name) : undefined;
    if (field === undefined) return `the field ${name}, which is not there`;
    if (field.kind === 'list' && inside === undefined && dot === '.') return `the list ${name} without [] behind it`;
    if (field.kind !== 'list' && inside !== undefined) return `${name}, which is no list, with [] behind it`;
    const pick = inside === undefined ? null : pickOf(name, inside);
    if (typeof pick === 'string' && pick !== 'all') return pick;
    steps.push({ name, pick });
    shape = field.kind === 'list' && pick !== null ? field.item : field;
  }
  for (let inner = textWithin(shape); inner !== undefined; inner = textWithin(shape)) {
    steps.push({ name: inner.name, pick: null });
    shape = inner.shape;
  }
  return { text, steps, isText: shape.kind === 'text' };
}

function pickOf(list: string, inside: string): Pick | string {
  if (inside === '' || inside === '*') return 'all';
  if (/^\d{1,4}$/.test(inside)) return { index: Number(inside) };
  const by = NAMED_BY[list];
  return by === undefined ? `${list}[${inside}], whose elements have no names: [] or a number` : { by, value: inside };
}

/** An attribute stands for its value, a value for its text. */
function textWithin(shape: Shape): { name: string; shape: Shape } | undefined {
  if (shape.kind !== 'record') return undefined;
  const name = { 'dev.tidemark.Attribute': 'value', 'dev.tidemark.Value': 'text' }[shape.name];
  const inner = name === undefined ? undefined : shape.fields.get(name);
  return name === undefined || inner === undefined ? undefined : { name, shape: inner };
}

/** Whether something is there: at least one element is picked at each step, and each has a value that is not empty. */
export function isThere(record: AuditRecord, { steps }: FieldPath): boolean {
  return holds(record, steps, 0);
}

function holds(value: unknown, steps: readonly Step[], at: number): boolean {
  const step = steps[at];
  if (step === undefined) return value !== null && value !== undefined && value !== '' && !isEmptyList(value);
  if (!isFields(value)) return false;
  const field = value[step.name];
  if (step.pick === null) return holds(field, steps, at + 1);
  const { pick } = step;
  const picked = Array.isArray(field) ? field.filter((item, index) => isPicked(pick, item, index)) : [];
  return picked.length > 0 && picked.every(item => holds(item, steps, at + 1));
}

/** Replaces each text that a path leads to; what changes is copied. `replace` is told where it is, such as attributes[3].value.text. */
export function replaceAt<T>(value: T, { steps }: FieldPath, replace: (text: string, where: string) => string): T {
  return replaceFrom(value, steps, 0, '', replace) as T;
}

function replaceFrom(
  value: unknown,
  steps: readonly Step[],
  at: number,
  where: string,
  replace: (text: string, where: string) => string,
): unknown {
  const step = steps[at];
  if (step === undefined) return typeof value === 'string' && value !== '' ? replace(value, where) : value;
  if (!isFields(value)) return value;
  const before = value[step.name];
  const here = where === '' ? step.name : `${where}.${step.name}`;
  const { pick } = step;
  const after =
    pick !== null && Array.isArray(before)
      ? before.map((item, index) =>
          isPicked(pick, item, index) ? replaceFrom(item, steps, at + 1, `${here}[${index}]`, replace) : item,
        )
      : replaceFrom(before, steps, at + 1, here, replace);
  return { ...value, [step.name]: after };
}

function isPicked(pick: Pick, item: unknown, index: number): boolean {
  if (pick === 'all') return true;
  return 'index' in pick ? pick.index === index : isFields(item) && item[pick.by] === pick.value;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
