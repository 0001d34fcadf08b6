// Declared actions: what is completed, what is refused and by which rule, and the file that others read.
import { describe, expect, expectTypeOf, test } from 'vitest';
import { actionsFrom, createAuditor, defineActions } from '../../../producers/sdk/index.ts';
import type { AuditInput } from '../../../producers/sdk/input.ts';
import { fakeAuditor } from './fake-transport.ts';

const actions = defineActions({
  'account.close': {
    description: 'An account is closed for good',
    targets: ['account'],
    required: ['reason', 'attributes.ticket', 'target.changes', 'actor.credential'],
    by: { kinds: ['human'], roles: ['support', 'admin'] },
    criticality: 'high',
  },
  'user.merge': { targets: ['user', 'account'], personal: ['user', 'attributes.phone'] },
  'account.read': { targets: ['account'], required: ['request.id', 'change.approval'] },
});

const closing = {
  action: 'account.close',
  target: { id: '42', changes: [{ field: 'state', after: 'closed' }] },
  actor: { kind: 'human', id: 'u-1', roles: ['admin'], credential: { method: 'oidc' } },
  reason: 'asked',
  attributes: { ticket: 7 },
} as const;

async function recorded(event: object) {
  const { auditor, transport } = fakeAuditor({ declarations: actions.declarations });
  await auditor.record(event as AuditInput);
  return transport.taken[0]?.event;
}
const problemsOf = (event: object) =>
  recorded(event).then(
    () => [],
    error => error.problems.map(({ field, rule }: { field: string; rule: string }) => [field, rule]),
  );

describe('an event of a declared action', () => {
  test('is completed: the only type of its target, and that it is a person', async () => {
    expect((await recorded(closing))?.targets[0]).toMatchObject({ type: 'account', id: '42', person: false });
    const targets = [
      { type: 'user', id: '1' },
      { type: 'account', id: '2' },
    ];
    const merged = await recorded({ action: 'user.merge', targets });
    expect(merged?.targets.map(({ person }) => person)).toEqual([true, false]);
  });

  test.each<[string, object, [string, string][]]>([
    [
      'undeclared, and without a type that could be filled in',
      { ...closing, action: 'account.open' },
      [
        ['action', 'declared'],
        ['target.type', undefined as never],
      ],
    ],
    ['undeclared', { action: 'account.open', target: { type: 'account', id: '1' } }, [['action', 'declared']]],
    [
      'inherited names are not declared',
      { action: 'constructor.name', target: { type: 'account', id: '1' } },
      [['action', 'declared']],
    ],
    [
      'another target',
      { ...closing, target: { ...closing.target, type: 'user' } },
      [['target.type', 'account.close/targets']],
    ],
    ['no reason', { ...closing, reason: undefined }, [['reason', 'account.close/required']]],
    ['an empty reason', { ...closing, reason: '' }, [['reason', 'account.close/required']]],
    ['no attribute', { ...closing, attributes: { other: 1 } }, [['attributes.ticket', 'account.close/required']]],
    ['no changes', { ...closing, target: { id: '42' } }, [['target.changes', 'account.close/required']]],
    [
      'no credential',
      { ...closing, actor: { ...closing.actor, credential: undefined } },
      [['actor.credential', 'account.close/required']],
    ],
    ['a machine', { ...closing, actor: { ...closing.actor, kind: 'machine' } }, [['actor.kind', 'account.close/by']]],
    [
      'without the role',
      { ...closing, actor: { ...closing.actor, roles: ['clerk'] } },
      [['actor.roles', 'account.close/by']],
    ],
    [
      'nobody',
      { ...closing, actor: null },
      [
        ['actor.credential', 'account.close/required'],
        ['actor', 'account.close/by'],
      ],
    ],
    [
      'a person that is said to be none',
      { action: 'user.merge', target: { type: 'user', id: '1', person: false } },
      [['target.person', 'user.merge/personal']],
    ],
    [
      'nested fields',
      { action: 'account.read', target: { id: '1' } },
      [
        ['request.id', 'account.read/required'],
        ['change.approval', 'account.read/required'],
      ],
    ],
    [
      'of several types one has to be said',
      { action: 'user.merge', target: { id: '1' } },
      [['target.type', undefined as never]],
    ],
  ])('%s', async (_, event, problems) => {
    expect(await problemsOf(event)).toEqual(problems);
  });

  test('says in its error which rule', async () => {
    await expect(recorded({ ...closing, reason: undefined })).rejects.toMatchObject({
      code: 'invalid-event',
      rule: 'account.close/required',
      message: 'Invalid event: reason: found nothing, expected a value (rule account.close/required)',
    });
  });

  test('is always taken where it was denied or failed: what is known of it is evidence', async () => {
    for (const outcome of ['denied', 'failure'] as const) {
      expect((await recorded({ action: 'account.close', target: { id: '42' }, outcome }))?.outcome).toBe(outcome);
    }
    const elsewhere = { action: 'account.close', target: { type: 'user', id: '1' }, outcome: 'denied' };
    expect(await problemsOf(elsewhere)).toEqual([['target.type', 'account.close/targets']]);
  });

  test('may have what is demanded from its scope', async () => {
    const { auditor } = fakeAuditor({ declarations: actions.declarations });
    const { actor, reason, attributes, ...rest } = closing;
    await auditor.with({ actor, reason, attributes }, () => auditor.record(rest as unknown as AuditInput));
    expect(auditor.stats().delivered).toBe(1);
    await auditor.close();
  });
});

describe('a catalogue', () => {
  test('names all that is wrong with it', () => {
    const wrong = {
      Close: { targets: [] },
      'audit.mine': { targets: ['x'] },
      'a.b': {
        targets: ['x'],
        required: ['reson', 5],
        personal: ['y'],
        by: { kind: 'human', kinds: ['robot'], roles: [''] },
        criticality: 'huge',
        extra: 1,
      },
      'c.d': null,
      'e.f': { targets: 'x', description: 5, by: [] },
    };
    expect(() => defineActions(wrong as never)).toThrow(
      /Close: found another name.*Close: targets: found none.*audit\.mine: found an action of tidemark.*a\.b: extra.*a\.b: required\[0\]: found "reson".*a\.b: required\[1\].*a\.b: personal\[0\]: found "y".*a\.b: criticality.*a\.b: by\.kind: .*a\.b: by\.kinds\[0\].*a\.b: by\.roles\[0\].*c\.d: found no object.*e\.f: description.*e\.f: targets: found no list.*e\.f: by/,
    );
    expect(() => defineActions({})).toThrow(/found 0 actions/);
    for (const file of [null, [], {}, { catalogue: 2, actions: {} }, { catalogue: 1, actions: [] }]) {
      expect(() => actionsFrom(file)).toThrow(/catalogue: 1/);
    }
    expect(() => actionsFrom({ catalogue: 1, actions: actions.declarations, more: 1 })).toThrow(
      /more: found an unknown/,
    );
  });

  test('is the same read from its file, and does not change with what it was made of', () => {
    expect(actionsFrom(JSON.parse(JSON.stringify(actions))).declarations).toEqual(actions.declarations);
    const mine = { 'a.b': { targets: ['x'] } };
    const made = defineActions(mine);
    mine['a.b'].targets.push('y');
    expect(made.declarations['a.b']?.targets).toEqual(['x']);
  });

  test('has types: names of actions, types of targets', () => {
    const audit = createAuditor({ service: 's', transport: 'console', actions });
    type Input = Parameters<typeof audit.record>[0];
    expectTypeOf<Input['action']>().toEqualTypeOf<'account.close' | 'user.merge' | 'account.read'>();
    expectTypeOf<{ action: 'account.close'; target: { id: string } }>().toExtend<Input>();
    expectTypeOf<{ action: 'user.merge'; target: { id: string } }>().not.toExtend<Input>();
    expectTypeOf<{ action: 'user.merge'; target: { type: 'user'; id: string } }>().toExtend<Input>();
    expectTypeOf<{ action: 'account.close'; target: { type: 'user'; id: string } }>().not.toExtend<Input>();
    expectTypeOf<{ action: 'no.such'; target: { type: 'user'; id: string } }>().not.toExtend<Input>();
    expectTypeOf(createAuditor<never>).toBeFunction();
  });
});
