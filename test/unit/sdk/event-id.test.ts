// Ids of events: UUIDs of version 7, each greater than the one before, whatever the clock does.
import { validate, version } from 'uuid';
import { expect, test } from 'vitest';
import { eventIds } from '../../../producers/sdk/event-id.ts';

test('are UUIDs of version 7 that grow and never repeat', () => {
  const next = eventIds();
  const ids = Array.from({ length: 50_000 }, next);
  expect(ids.every(id => validate(id) && version(id) === 7)).toBe(true);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test('say the millisecond, and grow through thousands in one and through a clock that goes back', () => {
  let now = 1_700_000_000_000;
  const next = eventIds(() => now);
  const timeOf = (id: string) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  expect(timeOf(next())).toBe(now);
  const ids = Array.from({ length: 10_000 }, (_, n) => {
    if (n === 5000) now -= 3_600_000;
    return next();
  });
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  now += 7_200_000;
  expect(timeOf(next())).toBe(now);
});

test('have random bits of their own in each process', () => {
  const tails = new Set(Array.from({ length: 100 }, () => eventIds(() => 1_700_000_000_000)().slice(19)));
  expect(tails.size).toBe(100);
});
