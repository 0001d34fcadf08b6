// A registry that is down is waited for; only one that says "no such schema", twice, makes a record a refusal.

import { describe, expect, test } from 'vitest';
import { createWriterSchemas, SCHEMA_WINDOW } from '../../../consumers/normalizer/writer-schema.ts';
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
  expect(await writers.find(7, never)).toMatchObject({ unknown: [] });
  expect(waits).toEqual([7, 7, 7]);
  expect(writers.known(7)).toMatchObject({ unknown: [] });
});

test('believes that there is no such schema only the second time, and not for long', async () => {
  const once = createWriterSchemas(registryOf(unknown, auditEventText), { ...fast, onWait: () => {} });
  expect(await once.find(7, never)).toMatchObject({ unknown: [] });
  const registry = registryOf(unknown, unknown, auditEventText);
  const writers = createWriterSchemas(registry, { ...fast, onWait: () => {} });
  expect(await writers.find(7, never)).toBe('unknown-schema');
  expect(await writers.find(7, never)).toBe('unknown-schema');
  expect(registry.asked()).toBe(2);
  await expect.poll(() => writers.find(7, never)).toMatchObject({ unknown: [] });
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

describe('ids by the thousand', () => {
  /** Answers after a moment, and tells how many were asked at a time. */
  function busyRegistry(answer: (id: number) => string | SchemaError) {
    const asked = new Map<number, number>();
    let active = 0;
    let most = 0;
    const textOf = async (id: number): Promise<string> => {
      asked.set(id, (asked.get(id) ?? 0) + 1);
      most = Math.max(most, ++active);
      await new Promise(resolve => setImmediate(resolve));
      active--;
      const given = answer(id);
      if (given instanceof SchemaError) throw given;
      return given;
    };
    return { textOf, asked, most: () => most };
  }
  const ids = Array.from({ length: 10_000 }, (_, n) => n + 100);

  // One after the other, the pauses alone would take 400 s.
  test('that nobody knows are asked for twice, eight at a time, and the pauses are shared', async () => {
    const registry = busyRegistry(() => unknown);
    const writers = createWriterSchemas(registry, { secondLookMs: 40, unknownMs: 60_000, onWait: () => {} });
    for (let at = 0; at < ids.length; at += SCHEMA_WINDOW)
      await writers.prepare(ids.slice(at, at + SCHEMA_WINDOW), never);
    expect(ids.every(id => writers.known(id) === 'unknown-schema')).toBe(true);
    expect(new Set(registry.asked.values())).toEqual(new Set([2]));
    expect(registry.most()).toBeLessThanOrEqual(8);
  });

  test('of the same schema are made ready once', async () => {
    const registry = busyRegistry(() => auditEventText);
    const writers = createWriterSchemas(registry, { ...fast, onWait: () => {} });
    await writers.prepare(ids, never);
    const first = writers.known(100);
    expect(first).toMatchObject({ unknown: [] });
    expect(ids.every(id => writers.known(id) === first)).toBe(true);
    expect(registry.asked.size).toBe(10_000);
  });

  test('beyond what an id can be are not asked for', async () => {
    const registry = busyRegistry(() => auditEventText);
    const writers = createWriterSchemas(registry, { ...fast, onWait: () => {} });
    expect(await writers.find(2 ** 31, never)).toBe('unknown-schema');
    expect(await writers.find(2 ** 32 - 1, never)).toBe('unknown-schema');
    expect(registry.asked.size).toBe(0);
  });
});
