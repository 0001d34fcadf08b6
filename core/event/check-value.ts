import type { Value } from '../../schemas/types.ts';
import { LIMITS } from './limits.ts';
import { describeText, type Problems } from './problems.ts';

const INTEGER = /^(?:0|-?[1-9][0-9]*)$/;
/** RFC 8259, section 6. */
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

const FORMS: Record<Exclude<Value['type'], 'string'>, { expected: string; test(text: string): boolean }> = {
  boolean: { expected: 'true or false', test: text => text === 'true' || text === 'false' },
  integer: { expected: 'a decimal integer', test: text => INTEGER.test(text) },
  number: { expected: 'a decimal number as in JSON', test: text => NUMBER.test(text) },
  json: { expected: 'a JSON text', test: isJson },
};

/** Checks that a value's text, which is at this path, is there and is of its type. */
export function checkValue(value: Value, problems: Problems, path: string, name: string): void {
  const { text, type } = value;
  if (text === null) {
    problems.add(path, name, 'nothing', 'a text');
    return;
  }
  problems.text(text, path, name, LIMITS.text);
  if (type === 'string' || typeof text !== 'string') return;
  const form = FORMS[type];
  if (!form.test(text)) problems.add(path, name, describeText(text), form.expected);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
