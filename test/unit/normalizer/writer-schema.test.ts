// A registry that is down is waited for; only one that says "no such schema", twice, makes a record a refusal.

import { expect, test } from 'vitest';
import { createWriterSchemas } from '../../../consumers/normalizer/writer-schema.ts';
import { auditEventText, SchemaError } from '../../../schemas/index.ts';

const fast = { retryMs: 1, unknownMs: 50, secondLookMs: 1 };

/** A registry that gives these answers, one after the other; the last for ever. */
function registryOf(...answers: (string | SchemaError)[]) {
  let asked = 0;
  const textOf = async (): Promise<string> => {
    const answer = answers[Math.min(asked, answers.length - 1)] ?? '';
    asked++;
    if (answer instanceof SchemaError) throw answer;
    return answer;
  };
  return { textOf, asked: () => asked };
}

const down = new SchemaError('unavailable', 'down');
const unknown = new SchemaError('unknown-schema', 'no');
const never = new AbortController().signal;

test('waits for a registry that is down, and says so each time', async () => {
  const waits: number[] = [];
  const registry = registryOf(down, down, new SchemaError('unauthorized', 'no'), auditEventText);
  const writers = createWriterSchemas(registry, { ...fast, onWait: id => waits.push(id) });
  expect(await writers.find(7, never)).toMatchObject({ id: 7, unknown: [] });
  expect(waits).toEqual([7, 7, 7]);
  expect(writers.known(7)).toMatchObject({ id: 7 });
});

test('believes that there is no such schema only the second time, and not for long', async () => {
  const once = createWriterSchemas(registryOf(unknown, auditEventText), { ...fast, onWait: () => {} });
  expect(await once.find(7, never)).toMatchObject({ id: 7 });
  const registry = registryOf(unknown, unknown, auditEventText);
  const writers = createWriterSchemas(registry, { ...fast, onWait: () => {} });
  expect(await writers.find(7, never)).toBe('unknown-schema');
  expect(await writers.find(7, never)).toBe('unknown-schema');
  expect(registry.asked()).toBe(2);
  await expect.poll(() => writers.find(7, never)).toMatchObject({ id: 7 });
});

test.each(['{"type":"object"}', 'no JSON', '"string"'])('%s can not be read as an event', async text => {
  const writers = createWriterSchemas(registryOf(text), { ...fast, onWait: () => {} });
  expect(await writers.find(7, never)).toBe('unusable-schema');
});

test('ends waiting when the partition is taken away', async () => {
  const abort = new AbortController();
  const writers = createWriterSchemas(registryOf(down), { ...fast, onWait: () => abort.abort() });
  await expect(writers.find(7, abort.signal)).rejects.toThrow();
});
