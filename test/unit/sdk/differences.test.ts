// What differs between two states of a thing, and what is never told of it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differences } from '../../../producers/sdk/differences.ts';
import { secretFields } from '../../../producers/sdk/secret-fields.ts';
import { fakeAuditor } from './fake-transport.ts';

const isSecret = secretFields();
const diff = (before: unknown, after: unknown) => differences(before, after, isSecret);
const MASK = '[masked: secret-field]';

describe('differences', () => {
  test.each<[string, unknown, unknown, unknown[]]>([
    ['nothing', { a: { b: [1, { c: null }] } }, { a: { b: [1, { c: null }] } }, []],
    ['a deep field', { limits: { daily: 100 } }, { limits: { daily: 500 } }, [['limits.daily', 100, 500]]],
    [
      'elements',
      { tags: ['a', 'b'] },
      { tags: ['a', 'c', 'd'] },
      [
        ['tags[1]', 'b', 'c'],
        ['tags[2]', undefined, 'd'],
      ],
    ],
    ['fields of elements', [{ price: 1 }], [{ price: 2 }], [['[0].price', 1, 2]]],
    [
      'null and nothing',
      { a: null, b: undefined },
      { b: null },
      [
        ['a', null, undefined],
        ['b', undefined, null],
      ],
    ],
    ['undefined and not there', { a: undefined }, {}, []],
    [
      'what comes as a whole, by its parts',
      {},
      { a: { b: 1, c: {} } },
      [
        ['a.b', undefined, 1],
        ['a.c', undefined, {}],
      ],
    ],
    [
      'another kind',
      { a: 5 },
      { a: { b: 1 } },
      [
        ['a', 5, undefined],
        ['a.b', undefined, 1],
      ],
    ],
    ['list and object', { a: [] }, { a: {} }, [['a', [], {}]]],
    [
      'dates',
      { at: new Date(0) },
      { at: new Date(1) },
      [['at', '1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.001Z']],
    ],
    ['the same date', { at: new Date(5) }, { at: new Date(5) }, []],
    ['a date and its text', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }, []],
    ['an invalid date', { at: new Date(Number.NaN) }, { at: null }, [['at', 'Invalid Date', null]]],
    ['bigint', { n: 2n ** 70n }, { n: 5n }, [['n', 2n ** 70n, 5n]]],
    ['bigint and the same number', { n: 5n }, { n: 5 }, []],
    ['a number and its text', { n: 5 }, { n: '5' }, [['n', 5, '5']]],
    ['not a number', { n: Number.NaN }, { n: Number.NaN }, []],
    ['infinite', { n: 1 }, { n: Number.POSITIVE_INFINITY }, [['n', 1, 'Infinity']]],
    ['functions are nothing', { f: () => 1 }, { f: () => 2 }, []],
    [
      'maps and sets',
      { m: new Map([['x', 1]]), s: new Set([1]) },
      { m: new Map([['x', 2]]), s: new Set([1, 2]) },
      [
        ['m.x', 1, 2],
        ['s[1]', undefined, 2],
      ],
    ],
    ['bytes', { b: Buffer.from('ab') }, { b: Buffer.from('ac') }, [['b', '(2 bytes)', '(2 bytes)']]],
    ['the same bytes', { b: Buffer.from('ab') }, { b: Buffer.from('ab') }, []],
    [
      'names that are no words',
      { 'a.b': 1, 'x y': { z: 1 } },
      {},
      [
        ['["a.b"]', 1, undefined],
        ['["x y"].z', 1, undefined],
      ],
    ],
    ['plain values', 5, 'five', [['value', 5, 'five']]],
  ])('%s', (_, before, after, expected) => {
    expect(diff(before, after).map(({ field, before: was, after: is }) => [field, was, is])).toEqual(expected);
  });

  test('of instances of classes, by their fields or by what their toJSON answers', () => {
    class Money {
      readonly cents: number;
      constructor(cents: number) {
        this.cents = cents;
      }
    }
    const decimal = (text: string) => ({ digits: [1], toJSON: () => text });
    expect(diff({ m: new Money(1), d: decimal('1.0') }, { m: new Money(2), d: decimal('2.0') })).toEqual([
      { field: 'm.cents', before: 1, after: 2 },
      { field: 'd', before: '1.0', after: '2.0' },
    ]);
  });

  test('in circles end', () => {
    const circle = (name: string) => {
      const node: Record<string, unknown> = { name, list: [] };
      node.self = node;
      (node.list as unknown[]).push(node);
      return node;
    };
    expect(diff(circle('a'), circle('b'))).toEqual([{ field: 'name', before: 'a', after: 'b' }]);
    expect(diff(circle('a'), { name: 'a', self: 1, list: [] })).toEqual([
      { field: 'list[0]', before: '(a circle)', after: undefined },
      { field: 'self', before: '(a circle)', after: 1 },
    ]);
  });

  test('without end are bounded, and say what was left out', () => {
    const deep = (end: number) => {
      let value: unknown = end;
      for (let n = 0; n < 100; n++) value = { a: value };
      return value;
    };
    const [change, ...more] = diff(deep(1), deep(2));
    expect(more).toEqual([]);
    expect(change).toMatchObject({ before: '(deeper than 32 levels)', after: '(deeper than 32 levels)' });
    const many = diff(Array(2000).fill(1), Array(2000).fill(2));
    expect(many).toHaveLength(501);
    expect(many.at(-1)).toEqual({ field: '(more)', after: '1500 more fields differ' });
    // Shared parts, each twice in the one above: more paths than there are atoms.
    let shared: unknown = { leaf: 1 };
    let other: unknown = { leaf: 2 };
    for (let n = 0; n < 30; n++)
      [shared, other] = [
        { a: shared, b: shared },
        { a: other, b: other },
      ];
    expect(diff(shared, other).at(-1)?.field).toBe('(uncompared)');
    expect(diff({ a: 'x'.repeat(300_000) }, {})[0]?.before).toHaveLength(262_144);
    expect(diff({ ['k'.repeat(2000)]: 1 }, {})[0]?.field.length).toBeLessThanOrEqual(512);
  });

  test('throw nothing, whatever they are given', () => {
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no');
        },
      },
    );
    const getter = {
      get a(): number {
        throw new Error('no');
      },
    };
    expect(diff({ x: hostile }, { x: getter })).toEqual([]);
    expect(diff({ x: hostile }, {})).toEqual([{ field: 'x', before: '(throws when it is read)', after: undefined }]);
  });

  test('of anything make a valid event, and of equal things none', async () => {
    const { auditor } = fakeAuditor();
    const things = fc.object({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withObjectString: true,
      key: fc.string({ unit: 'binary', maxLength: 12 }),
      maxDepth: 3,
      maxKeys: 5,
    });
    await fc.assert(
      fc.asyncProperty(things, things, async (before, after) => {
        await auditor.change({ type: 'thing', id: '1' }, before, after);
        expect(diff(before, structuredClone(before))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('secret fields', () => {
  test.each([
    'password',
    'PASSWORD',
    'userPassword',
    'password_hash',
    'newPasswd',
    'token',
    'accessTokens',
    'refresh-token',
    'clientSecret',
    'apiKey',
    'API_KEY',
    'stripe-api-key',
    'privateKey',
    'credentials',
    'Authorization',
    'set-cookie',
    'pin',
    'CVV',
    'otp',
    'cardNumber',
  ])('%s is one', name => expect(isSecret(name)).toBe(true));

  test.each([
    'name',
    'email',
    'pinned',
    'spinner',
    'key',
    'monkey',
    'author',
    'passenger',
    'compass',
    'limit',
    'option',
  ])('%s is none', name => expect(isSecret(name)).toBe(false));

  test('are told to have changed, never what they were', () => {
    const before = { password: 'hunter2', nested: [{ apiKey: 'k1', same: 1 }], token: { value: 'deep1' }, pin: 1 };
    const after = {
      password: 'hunter3',
      nested: [{ apiKey: 'k2', same: 1 }],
      token: { value: 'deep2' },
      pin: 1,
      secret: 'new',
    };
    const changes = diff(before, after);
    expect(changes).toEqual([
      { field: 'password', before: MASK, after: MASK },
      { field: 'nested[0].apiKey', before: MASK, after: MASK },
      { field: 'token', before: MASK, after: MASK },
      { field: 'secret', before: undefined, after: MASK },
    ]);
    expect(JSON.stringify(changes)).not.toMatch(/hunter|k1|k2|deep|new/);
    expect(diff(undefined, { user: { Password: 'x' } })).toEqual([
      { field: 'user.Password', before: undefined, after: MASK },
    ]);
  });

  test('can be more, or fewer', () => {
    const mine = secretFields(['iban', /^x_/g], ['tokenCount', 'Secret Santa']);
    expect(['customerIBAN', 'x_a', 'x_b', 'token'].map(mine)).toEqual([true, true, true, true]);
    expect(['token_count', 'secretSanta', 'name'].map(mine)).toEqual([false, false, false]);
  });
});
