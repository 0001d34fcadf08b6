/** Where a field of an event comes from: a constant, a pointer into the payload, or a template of pointers. */
import { z } from 'zod';
import { isObject } from '../payload.ts';
import { POINTER_FORM, type Pointer, parsePointer, parseTemplate, resolvePointer, TEMPLATE_FORM } from './pointer.ts';

type Scalar = string | number | boolean;

export type Source =
  | { readonly constant: Scalar }
  | { readonly pointer: Pointer; readonly optional: boolean; readonly values: ReadonlyMap<string, Scalar> | undefined }
  | { readonly template: readonly (string | Pointer)[]; readonly optional: boolean };

/** What a constant has to be, in a field that takes only some; asked when the file is read. */
export interface Constraint {
  readonly test: (value: Scalar) => boolean;
  readonly expected: string;
}

const text = z.string({ error: 'a text' }).min(1, { error: 'a text that is not empty' });
const scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'a text, a number, true or false' });
export const pointerText = z.string({ error: POINTER_FORM }).transform((value, context) => {
  const pointer = parsePointer(value);
  if (pointer !== undefined) return pointer;
  context.addIssue({ code: 'custom', input: value, message: POINTER_FORM });
  return z.NEVER;
});
const templateText = text.transform((value, context) => {
  const template = parseTemplate(value);
  if (template !== undefined) return template;
  context.addIssue({ code: 'custom', input: value, message: TEMPLATE_FORM });
  return z.NEVER;
});
const optional = z.boolean({ error: 'true or false' }).default(false);
const FORM = 'a constant, { pointer: /… } or { template: … }';

/** A schema of sources. */
export function source({ test, expected }: Constraint = { test: () => true, expected: '' }): z.ZodType<Source> {
  const constant = scalar.refine(test, { error: expected });
  const byPointer = z
    .strictObject({
      pointer: pointerText,
      optional,
      /** What stands for what is found there; anything else is refused. */
      values: z.record(z.string(), constant, { error: 'a map of what is found to what it means' }).optional(),
    })
    .transform(({ values, ...rest }) => ({ ...rest, values: values && new Map(Object.entries(values)) }));
  const byTemplate = z.strictObject({ template: templateText, optional });
  return z.unknown().transform((value, context): Source => {
    // One of three, by its form: so that an error is that of the form which was meant.
    const isMap = isObject(value) && ('pointer' in value || 'template' in value);
    if (typeof value === 'object' && !isMap) {
      context.addIssue({ code: 'custom', input: value, message: FORM });
      return z.NEVER;
    }
    const schema = isMap
      ? 'pointer' in value
        ? byPointer
        : byTemplate
      : constant.transform(found => ({ constant: found }));
    const parsed = z.safeParse<z.ZodType<Source>>(schema, value, { reportInput: true });
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      const isKey = issue.code === 'unrecognized_keys';
      const message = isKey ? 'pointer or template, optional, and values beside a pointer' : issue.message;
      context.addIssue({ code: 'custom', path: issue.path, input: isKey ? issue.keys[0] : issue.input, message });
    }
    return z.NEVER;
  });
}

/** What a source gives; undefined: nothing, and it may. `wrong` is told what it lacks. */
export function readSource(from: Source, payload: unknown, wrong: (found: string, expected: string) => void): unknown {
  if ('constant' in from) return from.constant;
  if ('template' in from) return templateOf(from, payload, wrong);
  const value = found(from.pointer, payload);
  if (value === undefined) {
    if (!from.optional) wrong(`nothing at ${from.pointer.text}`, 'a value');
    return undefined;
  }
  if (from.values === undefined) return value;
  const meant = from.values.get(textOf(value) ?? '');
  if (meant === undefined)
    wrong(`another value at ${from.pointer.text}`, `one of ${[...from.values.keys()].join(', ')}`);
  return meant;
}

function templateOf(
  { template, optional: may }: Extract<Source, { template: unknown }>,
  payload: unknown,
  wrong: (found: string, expected: string) => void,
): string | undefined {
  const parts = template.map(part => {
    if (typeof part === 'string') return part;
    const value = found(part, payload);
    const said = textOf(value);
    if (said === undefined && !(may && value === undefined)) {
      wrong(`${value === undefined ? 'nothing' : 'no text'} at ${part.text}`, 'a text or a number');
    }
    return said;
  });
  return parts.every(part => part !== undefined) ? parts.join('') : undefined;
}

/** null says that there is nothing. */
function found(pointer: Pointer, payload: unknown): unknown {
  return resolvePointer(pointer, payload) ?? undefined;
}

/** Texts, numbers and truths as they are written. */
export function textOf(value: unknown): string | undefined {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined;
}
