// Configuration overrides: exactly what differs from the last start is told, no secret is, and no start is lost, whenever a process dies.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AuditError,
  type ConfigurationOptions,
  type ConfigurationStore,
  defineActions,
  recordConfiguration,
} from '../../../producers/sdk/index.ts';
import { createTestAuditor, type TestAuditor } from '../../../producers/sdk/testing/index.ts';
import { temporaryFolder } from '../../temporary.ts';

const MASK = '[masked: secret-field]';
const HASH = /^hmac-sha256:[\w-]{43}$/;

interface MemoryStore extends ConfigurationStore {
  text: string | null;
}

function memoryStore(text: string | null = null): MemoryStore {
  const store: MemoryStore = {
    text,
    read: async () => store.text,
    write: async next => {
      store.text = next;
    },
  };
  return store;
}

/** A store whose write fails from then on: as if the process were killed there. */
function diesAtWrite(store: MemoryStore, at: number): ConfigurationStore {
  let writes = 0;
  return {
    read: store.read,
    write: async text => {
      if (++writes >= at) throw new Error('killed');
      await store.write(text);
    },
  };
}

/** What each event says of the configuration: a row for each name. */
const told = ({ events }: TestAuditor) =>
  events.map(({ action, targets }) => [
    action,
    ...targets.flatMap(({ changes = [] }) => changes.map(({ field, before, after }) => [field, before, after])),
  ]);

/** The names that the events of the starts with these values tell, one list for each event. */
async function namesTold(...starts: object[]): Promise<string[][]> {
  const [auditor, store] = [createTestAuditor(), memoryStore()];
  for (const values of starts) await recordConfiguration(auditor, values, { store });
  return auditor.events.map(({ targets }) => targets.flatMap(({ changes = [] }) => changes.map(({ field }) => field)));
}

describe('a start', () => {
  test('tells all values at first, then those that differ, then nothing', async () => {
    const [auditor, store] = [createTestAuditor({ service: 'billing', environment: 'staging' }), memoryStore()];
    const start = (values: object) => recordConfiguration(auditor, values, { store, clear: ['db.pool.*', 'log'] });
    const first = { db: { url: 'postgres://db/billing', pool: { max: 10 } }, log: 'info', apiKey: 'k1' };
    const created = await start(first);
    expect(await start(structuredClone(first))).toBeNull();
    const changed = await start({ db: { url: 'postgres://db/other', pool: { max: 50, min: 1 } }, apiKey: 'k2' });
    expect(told(auditor)).toEqual([
      [
        'configuration.create',
        ['apiKey', undefined, MASK],
        ['db.pool.max', undefined, 10],
        ['db.url', undefined, expect.stringMatching(HASH)],
        ['log', undefined, 'info'],
      ],
      [
        'configuration.change',
        ['apiKey', MASK, MASK],
        ['db.pool.max', 10, 50],
        ['db.pool.min', undefined, 1],
        ['db.url', expect.stringMatching(HASH), expect.stringMatching(HASH)],
        ['log', 'info', undefined],
      ],
    ]);
    expect(auditor.events.map(({ id }) => id)).toEqual([created, changed]);
    expect(auditor.events[1]).toMatchObject({
      outcome: 'success',
      targets: [
        { type: 'configuration', id: 'billing' },
        { type: 'service', id: 'billing' },
      ],
      origin: { service: 'billing', environment: 'staging' },
      change: { perimeter: 'configuration', reference: expect.stringMatching(HASH) },
      attributes: { 'configuration.fingerprint': expect.stringMatching(HASH) },
    });
  });

  test('says through which change, why, and of which configuration of which service', async () => {
    const auditor = createTestAuditor();
    const change = { reference: 'OPS-12', run: 'https://ci.example.com/7', approval: 'review/812' };
    const options = { store: memoryStore(), name: 'flags', service: 'billing', reason: 'slow', ...change };
    await recordConfiguration(auditor, { a: 1 }, options);
    expect(auditor.events).toMatchObject([
      {
        targets: [
          { type: 'configuration', id: 'billing/flags' },
          { type: 'service', id: 'billing' },
        ],
        change: { perimeter: 'configuration', ...change },
        reason: 'slow',
      },
    ]);
  });

  test('a value that returns has its hash again, under another id', async () => {
    const [auditor, store] = [createTestAuditor(), memoryStore()];
    for (const a of ['x', 'y', 'x', 'y']) await recordConfiguration(auditor, { a }, { store });
    const hashes = auditor.events.map(({ target }) => target.changes?.[0]?.after);
    expect(hashes).toEqual([hashes[0], hashes[1], hashes[0], hashes[1]]);
    expect(new Set(hashes).size).toBe(2);
    expect(new Set(auditor.events.map(({ id }) => id)).size).toBe(4);
    expect(new Set(auditor.events.map(({ change }) => change?.reference)).size).toBe(2);
  });

  test('the same value under two names, or with two keys, has two hashes', async () => {
    const [auditor, other] = [createTestAuditor(), createTestAuditor()];
    for (const one of [auditor, other]) await recordConfiguration(one, { a: 'x', b: 'x' }, { store: memoryStore() });
    const hashes = [auditor, other].flatMap(({ events }) => events[0]?.target.changes?.map(({ after }) => after));
    expect(new Set(hashes).size).toBe(4);
  });

  test.each<[string, object, object, string[]]>([
    ['types', { a: 5 }, { a: '5' }, ['a']],
    ['bytes', { a: Buffer.from('ab') }, { a: Buffer.from('ac') }, ['a']],
    [
      'dates, patterns, addresses',
      { a: new Date(0), b: /a/, c: new URL('http://a/') },
      { a: new Date(1), b: /b/, c: new URL('http://b/') },
      ['a', 'b', 'c'],
    ],
    ['elements', { a: [1, { b: 2 }] }, { a: [1, { b: 3 }, 4] }, ['a[1].b', 'a[2]']],
    ['null and nothing', { a: null, b: undefined }, { b: null }, ['a', 'b']],
    ['what is empty', { a: {} }, { a: [] }, ['a']],
    ['what gets parts', { a: {} }, { a: { b: 1 } }, ['a', 'a.b']],
    ['maps and sets', { a: new Map([['x', 1]]) }, { a: new Map([['x', 2]]) }, ['a.x']],
    ['functions are nothing', { f: () => 1 }, { f: () => 2 }, []],
    ['big numbers', { a: 2n ** 70n }, { a: 2n ** 70n + 1n }, ['a']],
    ['names that are no words', { 'a.b': 1, a: { b: 1 } }, { 'a.b': 2, a: { b: 1 } }, ['["a.b"]']],
    ['control characters', { 'a\u007f': 1, 'a\u0080': 1 }, { 'a\u007f': 1, 'a\u0080': 2 }, ['["a\\u0080"]']],
    ['variables', { LOG_LEVEL: 'info', PORT: '80' }, { LOG_LEVEL: 'debug', PORT: '80' }, ['LOG_LEVEL']],
  ])('differs in %s', async (_, before, after, names) => {
    const [, ...changes] = await namesTold(before, after);
    expect(changes).toEqual(names.length === 0 ? [] : [names]);
  });

  test('walks in circles once', async () => {
    const circle = (name: string) => {
      const node: Record<string, unknown> = { name };
      node.self = { node };
      return node;
    };
    expect(await namesTold(circle('a'), circle('b'))).toEqual([['name', 'self.node'], ['name']]);
  });

  test('with more changes than a target takes tells all of them', async () => {
    const many = (value: number) => Object.fromEntries(Array.from({ length: 2500 }, (_, n) => [`v${n}`, value]));
    const [created, changed] = await namesTold(many(1), many(2));
    expect([created?.length, new Set(changed).size]).toEqual([2500, 2500]);
  });

  test.each<[string, object, string]>([
    ['too many fields', { a: Array(20_000).fill(0) }, 'configuration: found more fields, expected at most 10000'],
    ['functions without end', { a: Array(20_000).fill(() => 0) }, 'found more fields'],
    ['a long name', { ['k'.repeat(600)]: 'v-1842' }, 'found a path of 600 characters, expected at most 512'],
    ['depth', Array.from({ length: 40 }).reduce<object>(within => ({ a: within }), {}), 'found more levels'],
  ])('that can not be followed is refused: %s', async (_, values, message) => {
    const recording = recordConfiguration(createTestAuditor(), values, { store: memoryStore() });
    await expect(recording).rejects.toMatchObject({ code: 'invalid-event', message: expect.stringContaining(message) });
  });
});

const word = fc.constantFrom('a', 'b', 'c', 'd', 'max', 'LOG_LEVEL');
const anyName = fc.oneof(word, fc.string({ unit: 'binary', maxLength: 6 }));
const configurations = (name: fc.Arbitrary<string>, value: fc.Arbitrary<unknown>) =>
  fc.letrec<{ values: object }>(tie => ({
    values: fc.dictionary(name, fc.oneof({ maxDepth: 3 }, value, tie('values')), { maxKeys: 4, noNullPrototype: true }),
  })).values;
const plain = fc.oneof(fc.string({ maxLength: 3 }), fc.integer({ min: 0, max: 3 }), fc.boolean(), fc.constant(null));

/** The leaves of nested objects, by their names in order. */
function leavesOf(values: object, above: readonly string[] = []): Map<string, string> {
  return new Map(
    Object.entries(values).flatMap(([name, value]) => {
      const at = [...above, name];
      const isParent = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
      return isParent ? [...leavesOf(value, at)] : [[JSON.stringify(at), JSON.stringify(value)] as const];
    }),
  );
}

function differing(before: object, after: object): string[][] {
  const [was, is] = [leavesOf(before), leavesOf(after)];
  const names = new Set([...was.keys(), ...is.keys()]);
  return [...names].filter(name => was.get(name) !== is.get(name)).map(name => JSON.parse(name));
}

describe('whatever the values are', () => {
  test('the names that differ are told, and no others', async () => {
    const values = configurations(word, plain);
    await fc.assert(
      fc.asyncProperty(values, values, async (before, after) => {
        const [, changed = []] = await namesTold(before, after);
        expect(changed).toEqual(
          differing(before, after)
            .map(names => names.join('.'))
            .sort(),
        );
      }),
    );
  });

  test('no two names become one', async () => {
    const values = configurations(anyName, plain);
    await fc.assert(
      fc.asyncProperty(values, values, async (before, after) => {
        const [, changed = []] = await namesTold(before, after);
        expect(new Set(changed).size).toBe(differing(before, after).length);
      }),
    );
  });

  test('no value is told that no rule allows, and no secret ever, nor is it kept', async () => {
    const secretName = fc.constantFrom('password', 'DB_PASSWORD', 'apiKey', 'tokens', 'client-secret');
    const value = fc.uuid().map(id => `value-${id}`);
    const values = configurations(fc.oneof(word, secretName), value);
    const globs = fc.constantFrom<string[]>([], ['*'], ['a*', '*max']);
    await fc.assert(
      fc.asyncProperty(values, values, globs, async (before, after, clear) => {
        const [auditor, store] = [createTestAuditor(), memoryStore()];
        for (const one of [before, after]) await recordConfiguration(auditor, one, { store, clear });
        const said = JSON.stringify([auditor.events, store.text]);
        for (const [name, value] of [...leavesOf(before), ...leavesOf(after)]) {
          const names: string[] = JSON.parse(name);
          const isSecret = names.some(one => /pass|key|token|secret/i.test(one));
          const path = names.join('.');
          const isClear = clear.includes('*') || (clear.length > 0 && /^a|max$/.test(path));
          if (value !== '{}' && (isSecret || !isClear)) expect(said).not.toContain(JSON.parse(value));
        }
      }),
    );
  });
});

describe('what is told in clear', () => {
  test('is masked, not too long, and by the rules of this start', async () => {
    const [auditor, store] = [createTestAuditor(), memoryStore()];
    const start = (values: object, clear: string[]) => recordConfiguration(auditor, values, { store, clear });
    await start({ level: 'info', url: 'postgres://app:hunter2@db/billing', long: 'x'.repeat(2000), big: 2n ** 64n }, [
      '*',
    ]);
    expect(store.text).not.toContain('hunter2');
    expect(told(auditor)[0]).toEqual([
      'configuration.create',
      ['big', undefined, '18446744073709551616'],
      ['level', undefined, 'info'],
      ['long', undefined, expect.stringMatching(HASH)],
      ['url', undefined, 'postgres://app:[masked: url-password]@db/billing'],
    ]);
    await start({ level: 'debug' }, ['url']);
    expect(told(auditor)[1]).toContainEqual(['level', expect.stringMatching(HASH), expect.stringMatching(HASH)]);
    expect(await start({ level: 'debug' }, ['*'])).toBeNull();
    await start({ level: 'warn' }, ['*']);
    expect(told(auditor)[2]).toEqual(['configuration.change', ['level', 'debug', 'warn']]);
  });

  test('a name that is on the list of secrets by now is not told any more', async () => {
    const store = memoryStore();
    const [one, other] = [
      createTestAuditor(),
      createTestAuditor({ secretFields: ['iban'], clearFields: ['tokenUrl'] }),
    ];
    await recordConfiguration(one, { iban: 'AT1', tokenUrl: 'a' }, { store, clear: ['*'] });
    await recordConfiguration(other, { iban: 'AT2', tokenUrl: 'b' }, { store, clear: ['*'] });
    expect(told(other)).toEqual([['configuration.change', ['iban', MASK, MASK], ['tokenUrl', MASK, MASK]]]);
  });
});

describe('a process that dies, or that Kafka does not hear', () => {
  test('behind the acknowledgement records the same event again, under the same id', async () => {
    const [auditor, store] = [createTestAuditor(), memoryStore()];
    const start = (a: number, place: ConfigurationStore) => recordConfiguration(auditor, { a }, { store: place });
    // The first write is the note, the second one says that it was recorded.
    await expect(start(1, diesAtWrite(store, 2))).rejects.toMatchObject({ code: 'store-unusable' });
    await start(1, store);
    await expect(start(2, diesAtWrite(store, 2))).rejects.toMatchObject({ code: 'store-unusable' });
    await start(2, store);
    expect(await start(2, store)).toBeNull();
    const [create, createAgain, change, changeAgain] = auditor.events;
    expect(auditor.events).toHaveLength(4);
    expect(createAgain).toEqual(create);
    expect(changeAgain).toEqual(change);
    expect(change?.id).not.toBe(create?.id);
  });

  test('before it was recorded is told of by the next start, also where its values were taken back', async () => {
    const store = memoryStore();
    const old = createTestAuditor({ version: '1.0.0' });
    await recordConfiguration(old, { a: 1 }, { store, clear: ['*'] });
    old.away = true;
    const since = Date.now();
    const failing = old.with({ actor: { kind: 'human', id: 'u-9' } }, () =>
      recordConfiguration(old, { a: 2 }, { store, clear: ['*'] }),
    );
    await expect(failing).rejects.toMatchObject({ code: 'not-sent' });
    const until = Date.now();

    const next = createTestAuditor({ version: '2.0.0' });
    const actor = { kind: 'machine', id: 'deployer' } as const;
    await next.with({ actor }, () => recordConfiguration(next, { a: 1 }, { store, clear: ['*'] }));
    expect(told(next)).toEqual([
      ['configuration.change', ['a', 1, 2]],
      ['configuration.change', ['a', 2, 1]],
    ]);
    const [late, now] = next.events;
    expect(late?.origin).toMatchObject({ version: '1.0.0' });
    expect(Number(late?.occurredAt)).toBeGreaterThanOrEqual(since);
    expect(Number(late?.occurredAt)).toBeLessThanOrEqual(until);
    expect(late?.actor).toBeUndefined();
    expect(now).toMatchObject({ origin: { version: '2.0.0' }, actor });
  });

  test('wherever it dies, each start that was noted is one event by its id, in order', async () => {
    const ends = fc.constantFrom('well', 'before the note', 'away', 'behind the record');
    const starts = fc.array(fc.record({ a: fc.integer({ min: 1, max: 3 }), end: ends }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(starts, async plan => {
        const [auditor, store] = [createTestAuditor(), memoryStore()];
        const noted: number[] = [];
        for (const { a, end } of [...plan, { a: 4, end: 'well' }]) {
          const last = noted.at(-1);
          const dies = { 'before the note': 1, 'behind the record': 2 }[end] ?? Number.POSITIVE_INFINITY;
          auditor.away = end === 'away';
          await recordConfiguration(auditor, { a }, { store: diesAtWrite(store, dies), clear: ['*'] }).catch(
            () => undefined,
          );
          if (a !== last && dies > 1) noted.push(a);
        }
        const events = new Map(auditor.events.map(event => [event.id, event.target.changes?.[0]]));
        expect([...events.values()].map(change => change?.after)).toEqual(noted);
        expect([...events.values()].map(change => change?.before)).toEqual([undefined, ...noted.slice(0, -1)]);
        expect(noted.at(-1)).toBe(4);
      }),
    );
  });

  test('many times keeps the first ones and the last', async () => {
    const [auditor, store] = [createTestAuditor(), memoryStore()];
    auditor.away = true;
    for (let a = 0; a < 40; a++) await recordConfiguration(auditor, { a }, { store }).catch(() => undefined);
    auditor.away = false;
    await recordConfiguration(auditor, { a: 40 }, { store, clear: ['a'] });
    // What was noted by other rules stays as it was noted.
    expect(told(auditor)).toHaveLength(32);
    expect(told(auditor).at(-1)).toEqual(['configuration.change', ['a', expect.stringMatching(HASH), 40]]);
    expect(await recordConfiguration(auditor, { a: 40 }, { store, clear: ['a'] })).toBeNull();
  });

  test('starts at once with one store give one change one id', async () => {
    const [auditor, store] = [createTestAuditor(), memoryStore()];
    await recordConfiguration(auditor, { a: 1 }, { store });
    const ids = await Promise.all([1, 2, 3].map(() => recordConfiguration(auditor, { a: 2 }, { store })));
    expect(new Set(ids).size).toBe(1);
    expect(await recordConfiguration(auditor, { a: 2 }, { store })).toBeNull();
  });

  test('an event that is refused keeps no later one back', async () => {
    const store = memoryStore();
    const actions = defineActions({ 'account.close': { targets: ['account'] } });
    const strict = createTestAuditor({ actions });
    const refused = recordConfiguration(strict, { a: 1 }, { store });
    await expect(refused).rejects.toMatchObject({ code: 'invalid-event', rule: 'declared' });
    const targets = ['configuration', 'service'] as const;
    const declared = defineActions({
      'account.close': { targets: ['account'] },
      'configuration.create': { targets },
      'configuration.change': { targets },
    });
    const auditor = createTestAuditor({ actions: declared });
    await recordConfiguration(auditor, { b: 1 }, { store });
    expect(auditor.events).toMatchObject([{ action: 'configuration.create', target: { changes: [{ field: 'b' }] } }]);
  });
});

describe('a store', () => {
  test('is a file that only its owner may read, replaced as a whole', async () => {
    const folder = temporaryFolder();
    const store = join(folder, 'configuration.json');
    const auditor = createTestAuditor();
    for (const a of [1, 2]) await recordConfiguration(auditor, { a, password: 'hunter2' }, { store });
    expect(auditor.events).toHaveLength(2);
    expect(readdirSync(folder)).toEqual(['configuration.json']);
    expect(statSync(store).mode & 0o777).toBe(0o600);
    expect(readFileSync(store, 'utf8')).not.toContain('hunter2');
  });

  test.each(['', 'no JSON', '{}', '{"format":"tidemark-configuration-2"}'])(
    'that is damaged or of another version is left as it is: %s',
    async text => {
      const store = join(temporaryFolder(), 'configuration.json');
      writeFileSync(store, text);
      const auditor = createTestAuditor();
      await expect(recordConfiguration(auditor, { a: 1 }, { store })).rejects.toMatchObject({
        code: 'store-unusable',
        message: expect.stringContaining('move it away'),
      });
      expect([readFileSync(store, 'utf8'), auditor.events]).toEqual([text, []]);
    },
  );

  test('of another configuration is left as it is', async () => {
    const store = memoryStore();
    const auditor = createTestAuditor({ service: 'billing' });
    await recordConfiguration(auditor, { a: 1 }, { store });
    const { text } = store;
    await expect(recordConfiguration(auditor, { a: 2 }, { store, name: 'flags' })).rejects.toMatchObject({
      code: 'store-unusable',
      message: expect.stringContaining('found that of "billing", expected that of "billing/flags"'),
    });
    expect([store.text, auditor.events.length]).toEqual([text, 1]);
  });

  test('that can not be written means that nothing is recorded', async () => {
    const auditor = createTestAuditor();
    const store = join(temporaryFolder(), 'missing', 'configuration.json');
    await expect(recordConfiguration(auditor, { a: 1 }, { store })).rejects.toMatchObject({
      code: 'store-unusable',
      message: expect.stringContaining("can't be written (ENOENT"),
    });
    expect(auditor.events).toEqual([]);
  });

  test('and other options that can not be are told at once', async () => {
    const options = { store: '', clear: 'a', name: '', service: 5 } as unknown as ConfigurationOptions;
    const error: AuditError = await recordConfiguration(createTestAuditor(), [], options).catch(thrown => thrown);
    expect(error.code).toBe('invalid-options');
    for (const name of ['values', 'store', 'clear', 'name', 'service'])
      expect(error.message).toContain(`${name}: expected`);
    const stranger = { record: async () => 'id' } as never;
    await expect(recordConfiguration(stranger, {}, { store: 'x' })).rejects.toMatchObject({ code: 'invalid-options' });
  });
});
