import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkEvent, defaultKey, isAction, LIMITS } from '../../../core/event/index.ts';
import type { AuditEvent, Value } from '../../../schemas/types.ts';

const ID = '0197f0c4-7b0a-7c3e-8f00-0123456789ab';
const text = (value: string): Value => ({ type: 'string', text: value });

function event(changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    id: ID,
    occurredAt: 1_700_000_000_000_000,
    action: 'account.close',
    outcome: 'success',
    tenant: null,
    actor: null,
    targets: [{ type: 'account', id: '42', name: null, person: false, changes: [] }],
    origin: null,
    producer: null,
    request: null,
    change: null,
    reason: null,
    corrects: null,
    attributes: [],
    ...changes,
  };
}

const actor = {
  kind: 'human' as const,
  id: 'u-1',
  name: null,
  email: null,
  roles: [],
  session: null,
  onBehalfOf: [],
  credential: null,
};
const target = { type: 'account', id: '42', name: null, person: false, changes: [] };
const producer = { instance: 'i', sequence: 5, last: false, abandoned: [] };

test('the smallest event is valid', () => {
  expect(checkEvent(event())).toEqual([]);
  expect(defaultKey(event())).toBe('account/42');
});

test.each<[string, Partial<AuditEvent>]>([
  ['id', { id: 'nothing' }],
  ['id', { id: ID.toUpperCase() }],
  ['occurredAt', { occurredAt: -1 }],
  ['action', { action: 'close' }],
  ['action', { action: 'Account.Close' }],
  ['action', { action: 'account..close' }],
  ['action', { action: `a.${'b'.repeat(128)}` }],
  ['action', { action: 'audit.refuse' }],
  ['tenant', { tenant: '' }],
  ['tenant', { tenant: 'a\u0000b' }],
  ['tenant', { tenant: 'a\ud800' }],
  ['targets', { targets: [] }],
  ['targets', { targets: Array(LIMITS.targets + 1).fill(target) }],
  ['targets[0].type', { targets: [{ ...target, type: '' }] }],
  ['targets[1].id', { targets: [target, { ...target, id: 'x'.repeat(LIMITS.identifier + 1) }] }],
  ['targets[0].name', { targets: [{ ...target, name: 'x'.repeat(LIMITS.name + 1) }] }],
  ['targets[0].changes[0]', { targets: [{ ...target, changes: [{ field: 'f', before: null, after: null }] }] }],
  [
    'targets[0].changes[0].after.text',
    { targets: [{ ...target, changes: [{ field: 'f', before: null, after: { type: 'integer', text: '1.5' } }] }] },
  ],
  ['actor.id', { actor: { ...actor, id: '' } }],
  ['actor.roles[0]', { actor: { ...actor, roles: [''] } }],
  ['actor.onBehalfOf[0].id', { actor: { ...actor, onBehalfOf: [{ kind: 'human', id: '', name: null }] } }],
  ['producer.sequence', { producer: { ...producer, sequence: -1 } }],
  ['producer.abandoned[0]', { producer: { ...producer, abandoned: [{ first: 3, last: 2 }] } }],
  ['producer.abandoned[0]', { producer: { ...producer, abandoned: [{ first: 3, last: 5 }] } }],
  ['reason', { reason: 'x'.repeat(LIMITS.text + 1) }],
  ['reason', { reason: { keyId: 'k', nonce: new Uint8Array(), ciphertext: new Uint8Array() } }],
  ['corrects', { corrects: 'the other one' }],
  [
    'attributes[1].key',
    {
      attributes: [
        { key: 'k', value: text('') },
        { key: 'k', value: text('') },
      ],
    },
  ],
  ['attributes[0].value.text', { attributes: [{ key: 'k', value: { type: 'string', text: null } }] }],
  ['attributes[0].value.text', { attributes: [{ key: 'k', value: { type: 'boolean', text: 'yes' } }] }],
  ['attributes[0].value.text', { attributes: [{ key: 'k', value: { type: 'number', text: 'NaN' } }] }],
  ['attributes[0].value.text', { attributes: [{ key: 'k', value: { type: 'json', text: '{' } }] }],
])('%s is named', (field, changes) => {
  const problems = checkEvent(event(changes));
  expect(problems.map(problem => problem.field)).toEqual([field]);
  expect(problems[0]?.found).not.toBe('');
  expect(problems[0]?.expected).not.toBe('');
});

test.each(['account.close', 'deploy.start', 'repository.member.add', 'api-key.roll_over', 'a1.b2'])(
  '%s is an action',
  name => expect(isAction(name)).toBe(true),
);

test('no problem repeats what the event says', () => {
  const secret = 'xq7zsecret';
  const long = secret.repeat(30_000);
  const all = event({
    id: secret,
    action: secret,
    tenant: `${secret}\n`,
    actor: { ...actor, id: `${secret}\n`, name: long, email: long, session: long },
    reason: long,
    attributes: [{ key: `${secret}\n`, value: { type: 'json', text: secret } }],
  });
  const problems = checkEvent(all);
  expect(problems.length).toBeGreaterThan(8);
  expect(JSON.stringify(problems)).not.toContain(secret);
});

test('any decoded event is judged, none throws', () => {
  const any = fc.record({
    id: fc.string(),
    occurredAt: fc.integer(),
    action: fc.string(),
    tenant: fc.option(fc.string({ unit: 'binary' })),
    targets: fc.array(fc.record({ type: fc.string(), id: fc.string(), name: fc.option(fc.string()) })),
  });
  fc.assert(
    fc.property(any, some => {
      const targets = some.targets.map(one => ({ ...target, ...one }));
      return Array.isArray(checkEvent(event({ ...some, targets })));
    }),
  );
});
