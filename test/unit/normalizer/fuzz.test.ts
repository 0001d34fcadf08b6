// A short form of `npm run fuzz`: each mutation of a valid record is an event or a refusal.

import { expect, test } from 'vitest';
import { fuzz } from '../../fuzz/fuzz.ts';

test('10,000 mutations of valid records: events and refusals of each kind, and no exception', async () => {
  const { count, events, refusals } = await fuzz(20_260_105, 0, 10_000);
  const refused = Object.values(refusals).reduce((sum, times) => sum + times, 0);
  expect(events + refused).toBe(count);
  // That the mutations reach all there is to decide.
  expect(events).toBeGreaterThan(1000);
  expect(Object.keys(refusals)).toEqual(
    expect.arrayContaining(['no-value', 'undecodable', 'trailing-bytes', 'invalid-utf8', 'out-of-range', 'invalid']),
  );
});

test('a mutation follows from its seed and number alone', async () => {
  const whole = await fuzz(7, 100, 103);
  const parts = [await fuzz(7, 100, 101), await fuzz(7, 101, 102), await fuzz(7, 102, 103)];
  expect(parts.reduce((sum, { events }) => sum + events, 0)).toBe(whole.events);
});
