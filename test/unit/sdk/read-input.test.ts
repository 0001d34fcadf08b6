import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkEvent } from '../../../core/event/index.ts';
import { AuditError } from '../../../producers/sdk/error.ts';
import { readInput, type Stamps } from '../../../producers/sdk/read-input.ts';
import { auditEventType } from '../../../schemas/avro.ts';

const ID = '0197f0c4-7b0a-7c3e-8f00-0123456789ab';
const stamps: Stamps = {
  origin: { service: 'test', version: null, commit: null, environment: null, region: null, host: null },
  id: () => ID,
  now: () => 1_700_000_000_000_123,
  reserved: false,
};
const read = (input: unknown) => readInput(input, stamps);
const smallest = { action: 'account.close', target: { type: 'account', id: '42' } };

function problem(input: unknown): AuditError {
  try {
    read(input);
  } catch (error) {
    if (error instanceof AuditError) return error;
    throw error;
  }
  throw new Error('expected an error');
}

test('an action and a target are enough: the rest is stamped', () => {
  const event = read(smallest);
  expect(event).toEqual({
    id: ID,
    occurredAt: 1_700_000_000_000_123,
    action: 'account.close',
    outcome: 'success',
    tenant: null,
    actor: null,
    targets: [{ type: 'account', id: '42', name: null, person: false, changes: [] }],
    origin: stamps.origin,
    producer: null,
    request: null,
    change: null,
    reason: null,
    corrects: null,
    attributes: [],
  });
});

test('everything that an event can say survives Avro', () => {
  const event = read({
    id: ID,
    occurredAt: new Date('2026-01-05T10:00:00.123Z'),
    action: 'user.update',
    outcome: 'denied',
    tenant: 'acme',
    actor: {
      kind: 'agent',
      id: 'a-1',
      name: 'Agent',
      email: 'a@example.com',
      roles: ['admin'],
      session: 's',
      onBehalfOf: [{ kind: 'human', id: 'u-1', name: 'Ada' }],
      credential: { method: 'oidc', issuer: 'https://i', subject: 's', keyId: 'k', checkedAt: 1_700_000_000_000_000n },
    },
    targets: [
      { type: 'user', id: 'u-2', name: 'Bob', person: true, changes: [{ field: 'f', before: 1, after: null }] },
      { type: 'group', id: 'g' },
    ],
    origin: { service: 'other', version: '1' },
    request: { id: 'r', traceParent: 't', clientAddress: '192.0.2.1', userAgent: 'curl' },
    change: { perimeter: 'deployment', reference: 'r', run: 'u', approval: 'a' },
    reason: 'because',
    corrects: ID,
    attributes: { 'order.total': 12.5 },
  });
  const type = auditEventType();
  expect(JSON.parse(JSON.stringify(type.decode(type.encode(event))))).toEqual(JSON.parse(JSON.stringify(event)));
  expect(event.occurredAt).toBe(Date.parse('2026-01-05T10:00:00.123Z') * 1000);
});

describe('values keep their type', () => {
  test.each<[unknown, string, string]>([
    ['', 'string', ''],
    ['5', 'string', '5'],
    [5, 'integer', '5'],
    [-0, 'integer', '0'],
    [5.5, 'number', '5.5'],
    [1e21, 'number', '1e+21'],
    [2n ** 80n, 'integer', '1208925819614629174706176'],
    [true, 'boolean', 'true'],
    [null, 'json', 'null'],
    [[1, 'a', null], 'json', '[1,"a",null]'],
    [{ a: { b: [1] }, c: undefined }, 'json', '{"a":{"b":[1]}}'],
    [JSON.parse('{"__proto__":1}'), 'json', '{"__proto__":1}'],
    [new Date(0), 'string', '1970-01-01T00:00:00.000Z'],
    [[new Date(0)], 'json', '["1970-01-01T00:00:00.000Z"]'],
  ])('%s is %s %s', (value, type, text) => {
    const [attribute] = read({ ...smallest, attributes: { k: value } }).attributes;
    expect(attribute).toEqual({ key: 'k', value: { type, text } });
  });

  test('an absent side of a change is none, a null one is a value', () => {
    const changes = [{ field: 'f', after: null }];
    expect(read({ ...smallest, target: { ...smallest.target, changes } }).targets[0]?.changes).toEqual([
      { field: 'f', before: null, after: { type: 'json', text: 'null' } },
    ]);
  });
});

const circle: unknown[] = [];
circle.push(circle);
class Account {
  readonly id = 1;
}

describe('what is wrong is named, with what was found and expected', () => {
  test.each<[string, unknown, string, string, string]>([
    ['no event', undefined, 'event', 'nothing', 'an object'],
    ['no object', 'x', 'event', 'a text of 1 characters', 'an object'],
    ['no action', { target: smallest.target }, 'action', 'nothing', 'a text'],
    ['an action of another type', { ...smallest, action: 5 }, 'action', 'a number', 'a text'],
    ['an action that is none', { ...smallest, action: 'AccountClosed' }, 'action', '"AccountClosed"', 'a noun, then'],
    ['an action of tidemark', { ...smallest, action: 'audit.close' }, 'action', '"audit.close"', 'your own'],
    ['no target', { action: 'a.b' }, 'target', 'nothing', 'a target with type and id'],
    ['no targets', { action: 'a.b', targets: [] }, 'targets', 'no target', 'at least one'],
    ['both', { ...smallest, targets: [smallest.target] }, 'target', 'an object', 'not both'],
    ['a target without id', { action: 'a.b', target: { type: 't' } }, 'target.id', 'nothing', 'a text'],
    ['an empty id', { action: 'a.b', target: { type: 't', id: '' } }, 'target.id', 'an empty text', '1 to 512'],
    ['an outcome', { ...smallest, outcome: 'sucess' }, 'outcome', '"sucess"', 'success, denied, failure'],
    ['an actor kind', { ...smallest, actor: { kind: 'robot', id: '1' } }, 'actor.kind', '"robot"', 'human, machine'],
    ['an unknown property', { ...smallest, actr: {} }, 'actr', 'an unknown property', 'one of action'],
    [
      'one far down',
      {
        action: 'a.b',
        targets: [
          {
            type: 't',
            id: '1',
            changes: [
              { field: 'f', after: 1 },
              { field: 'g', was: 1 },
            ],
          },
        ],
      },
      'targets[0].changes[1].was',
      'an unknown property',
      'one of field, before, after',
    ],
    [
      'a value that is none',
      { action: 'a.b', targets: [{ type: 't', id: '1', changes: [{ field: 'f', before: Symbol('x') }] }] },
      'targets[0].changes[0].before',
      'a symbol',
      'JSON, a bigint or a Date',
    ],
    ['NaN', { ...smallest, attributes: { k: Number.NaN } }, 'attributes.k', 'not finite', 'JSON'],
    ['a function within', { ...smallest, attributes: { k: { f: () => 1 } } }, 'attributes.k.f', 'a function', 'JSON'],
    ['a class', { ...smallest, attributes: { k: new Account() } }, 'attributes.k', 'an object of a class', 'JSON'],
    ['a map', { ...smallest, attributes: { k: new Map() } }, 'attributes.k', 'an object of a class', 'JSON'],
    ['a circle', { ...smallest, attributes: { k: circle } }, 'attributes.k', 'more levels', 'no circles'],
    ['a lone surrogate', { ...smallest, tenant: 'a\ud800' }, 'tenant', 'lone surrogate', 'well-formed'],
    ['one in a value', { ...smallest, attributes: { k: '\udc00' } }, 'attributes[0].value.text', 'lone', 'well-formed'],
    ['milliseconds', { ...smallest, occurredAt: 1_700_000_000_000 }, 'occurredAt', 'too small', 'microseconds'],
    ['an invalid date', { ...smallest, occurredAt: new Date('x') }, 'occurredAt', 'an object', 'a Date'],
    ['a text as time', { ...smallest, occurredAt: '2026-01-01' }, 'occurredAt', 'a text of 10', 'a Date'],
    ['an id', { ...smallest, id: 'mine' }, 'id', 'a text of 4', 'UUID'],
    ['roles', { ...smallest, actor: { kind: 'human', id: '1', roles: [1] } }, 'actor.roles[0]', 'a number', 'a text'],
    ['an endless array', { action: 'a.b', targets: new Array(4e9) }, 'targets', 'array of 4000000000', 'at most 1000'],
  ])('%s', (_, input, field, found, expected) => {
    const error = problem(input);
    expect(error).toMatchObject({ code: 'invalid-event', field });
    expect(error.found).toContain(found);
    expect(error.expected).toContain(expected);
    expect(error.message).toContain(`${field}: found ${error.found}, expected ${error.expected}`);
  });

  test('all problems at once', () => {
    const error = problem({ action: 1, target: { type: 2, id: 3 }, tenant: 4, reason: 5, corrects: 6 });
    expect(error.problems).toHaveLength(6);
    expect(error.message).toContain('and 1 more');
  });

  test('never in the words of personal fields', () => {
    const secret = 'xq7zsecret';
    const long = secret.repeat(30_000);
    const inputs = [
      { ...smallest, reason: long, actor: { kind: 'human', id: `${secret}\n`, name: long, email: `\ud800${secret}` } },
      { ...smallest, attributes: { [`${secret} \n`]: Symbol(secret), k: { [`${secret} !`]: () => secret } } },
      { ...smallest, [`${secret}@example.com`]: 1, occurredAt: secret, request: secret },
    ];
    for (const input of inputs) {
      const error = problem(input);
      expect(error.message + JSON.stringify(error.problems)).not.toContain(secret);
    }
  });
});

test('each property is read once: a getter can not answer twice', () => {
  let reads = 0;
  const event = read({
    ...smallest,
    get tenant() {
      reads += 1;
      return reads === 1 ? 'first' : 'second';
    },
  });
  expect(event.tenant).toBe('first');
  expect(reads).toBe(1);
});

test('whatever is read is a valid event that can be encoded', () => {
  const value = fc.oneof(fc.jsonValue(), fc.bigInt(), fc.date(), fc.anything());
  const input = fc.record(
    {
      action: fc.constantFrom('a.b', 'account.close', 'x'),
      target: fc.record({ type: fc.string(), id: fc.string(), name: fc.option(fc.string({ unit: 'binary' })) }),
      reason: fc.option(fc.string({ unit: 'binary' })),
      attributes: fc.dictionary(fc.string(), value),
      occurredAt: fc.option(fc.oneof(fc.date(), fc.bigInt(), fc.double(), fc.integer())),
    },
    { requiredKeys: ['action', 'target'] },
  );
  fc.assert(
    fc.property(input, one => {
      let event: ReturnType<typeof read>;
      try {
        event = read(one);
      } catch (error) {
        return error instanceof AuditError && error.code === 'invalid-event' && error.field !== undefined;
      }
      const type = auditEventType();
      const again = type.decode(type.encode(event));
      return checkEvent(again).length === 0 && type.encode(again).equals(type.encode(event));
    }),
  );
});
