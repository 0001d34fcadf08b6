// Mutations of an event as a value: one of its parts is another one of the same kind, at an edge of what rules allow; so that what is
// decided behind the decoding is reached too.

import type { Random } from './random.ts';

const texts: readonly [string, ...string[]] = [
  '',
  ' ',
  'x',
  'é',
  '\u0000',
  'NaN',
  '-0',
  '1e400',
  '007',
  'true',
  'account.close',
  'Account.Close',
  'audit.refuse',
  'a.b.c.d',
  '..',
  '0194a1b2-0000-7000-8000-000000000000',
  '2026-02-30T00:00:00Z',
  '999.1.1.1',
  '::1',
  'x'.repeat(512),
  'x'.repeat(513),
  'é'.repeat(2049),
  'ghp_0123456789abcdefghijABCDEFGHIJ012345',
  '4111 1111 1111 1111',
  'https://user:secret@host/',
  '__proto__',
  'constructor',
  '\u202e',
  '\ufeff',
  '𝒳'.repeat(300),
];
/** Rarely: they take a hundred times as long. */
const longTexts: readonly [string, ...string[]] = ['y'.repeat(262_144), 'y'.repeat(262_145), 'é'.repeat(262_145)];
const numbers: readonly [number, ...number[]] = [
  0,
  1,
  -1,
  2 ** 31,
  1 - 2 ** 52,
  2 ** 53 - 2,
  1_767_600_000_000_000,
  253_402_214_400_000,
];

/** The value with one of its parts changed. */
export function alter(random: Random, value: unknown): unknown {
  if (typeof value === 'string') return random.pick(random.once(500) ? longTexts : texts);
  if (typeof value === 'number') return random.pick(numbers);
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) return alterList(random, value);
  if (typeof value !== 'object' || value === null) return value;
  const names = Object.keys(value);
  const name = names[random.int(names.length)];
  if (name === undefined) return null;
  const part: unknown = Reflect.get(value, name);
  return { ...value, [name]: random.once(8) ? null : alter(random, part) };
}

function alterList(random: Random, list: readonly unknown[]): unknown[] {
  const index = random.int(Math.max(1, list.length));
  switch (random.int(5)) {
    case 0:
      return [];
    case 1:
      return [...list, ...list];
    case 2:
      return Array.from({ length: random.once(20) ? 1001 : 20 }, () => list[index]).filter(item => item !== undefined);
    default:
      return list.map((item, n) => (n === index ? alter(random, item) : item));
  }
}
