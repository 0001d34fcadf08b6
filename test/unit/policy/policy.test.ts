import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../../consumers/normalizer/decide.ts';
import { DEFAULT_POLICY, parsePolicyFile } from '../../../consumers/normalizer/policy/index.ts';
import {
  type AuditEvent,
  type AuditRecord,
  auditEventText,
  auditEventType,
  auditRecordType,
  readEvent,
} from '../../../schemas/index.ts';
import { place, rawRecord } from '../normalizer/records.ts';
import { valuesOf } from '../schemas/random.ts';
import { actorOf, attribute, now, recordOf } from './records.ts';

const policyOf = (rules: string, top = '') => parsePolicyFile(`version: 1\n${top}rules:\n${rules}`);

describe('the default policy', () => {
  const policy = parsePolicyFile(DEFAULT_POLICY);

  test('accepts everything, and says by which policy', () => {
    const record = recordOf();
    const decision = policy.apply(record);
    expect(decision.refuse).toBeNull();
    expect(decision.record).toEqual({
      ...record,
      policy: { digest: hash('sha256', DEFAULT_POLICY, 'hex'), rules: [] },
    });
  });

  test('masks secrets and card numbers wherever a producer can put them, and never changes what it was given', () => {
    const secret = 'AKIAIOSFODNN7EXAMPLE';
    const masked = '[masked: aws-access-key]';
    const record = recordOf({
      tenant: secret,
      actor: actorOf({
        id: secret,
        name: `me ${secret}`,
        roles: ['admin', secret],
        onBehalfOf: [{ kind: 'human', id: secret, name: null }],
        credential: { method: secret, issuer: null, subject: secret, keyId: null, checkedAt: null },
      }),
      targets: [
        {
          type: secret,
          id: secret,
          name: secret,
          person: false,
          changes: [{ field: secret, before: null, after: { type: 'string', text: secret } }],
        },
      ],
      origin: { service: secret, version: null, commit: null, environment: null, region: null, host: secret },
      producer: { instance: secret, sequence: 1, last: false, abandoned: [] },
      request: { id: secret, traceParent: secret, clientAddress: secret, userAgent: secret },
      change: { perimeter: secret, reference: secret, run: secret, approval: secret },
      reason: `because ${secret}, and 4111 1111 1111 1111`,
      attributes: [attribute(secret, secret), attribute(`${secret}.`, 'x')],
    });
    const before = structuredClone(record);
    const { record: after, refuse } = policy.apply(record);
    expect(refuse).toBeNull();
    expect(record).toEqual(before);
    expect(JSON.stringify(after)).not.toContain(secret);
    expect(after.reason).toBe(`because ${masked}, and [masked: card-number]`);
    expect(after.attributes.map(({ key }) => key)).toEqual([masked, `${masked}.`]);
    expect(after.flags).toContainEqual({ code: 'masked', field: 'reason', note: 'aws-access-key, card-number' });
    expect(after.flags).toContainEqual({ code: 'masked', field: 'attributes[0].value.text', note: 'aws-access-key' });
    expect(after.flags).toHaveLength(27);
    expect(auditRecordType().decode(auditRecordType().encode(after)).reason).toBe(after.reason);
  });

  test('says the same of a record by the bytes of its event', () => {
    const found = fc.constantFrom(
      'AKIAIOSFODNN7EXAMPLE',
      '4111 1111 1111 1111',
      '4111–1111–1111–1111',
      'postgres://a:b@c/d',
    );
    const said = fc.oneof(
      { weight: 9, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
      { weight: 1, arbitrary: found },
    );
    const events = valuesOf<AuditEvent>(auditEventText, said);
    const own = parsePolicyFile(
      "version: 1\nmask: { secrets: true, cards: true, patterns: [{ name: own, pattern: 'aa' }] }\nrules: []\n",
    );
    fc.assert(
      fc.property(events, fc.constantFrom(policy, own), (event, by) => {
        const read = readEvent(auditEventType().encode(event));
        if (typeof read === 'string') throw new Error(read);
        const record = { ...recordOf(), ...event };
        expect(by.apply(record, read.bytes)).toEqual(by.apply(record));
      }),
      { numRuns: 200 },
    );
  });

  test('masks what a refused record keeps of its producer', () => {
    const headers: [string, Buffer][] = [
      ['tidemark-instance', Buffer.from('AKIAIOSFODNN7EXAMPLE')],
      ['tidemark-sequence', Buffer.from('3')],
    ];
    const { record } = decide(rawRecord(null, { headers }), place, undefined, now);
    expect(policy.apply(record).record.producer?.instance).toBe('[masked: aws-access-key]');
  });
});

describe('masks', () => {
  const applied = (policy: ReturnType<typeof parsePolicyFile>, record: AuditRecord) => policy.apply(record).record;
  const secret = 'AKIAIOSFODNN7EXAMPLE';
  const mask = '[masked: aws-access-key]';

  test('make a text of a number, and leave JSON what it is where it still is', () => {
    const json = `{"key":"${secret}","n":1}`;
    const record = recordOf({
      attributes: [
        { key: 'number', value: { type: 'integer', text: '4111111111111111' } },
        { key: 'json', value: { type: 'json', text: json } },
        { key: 'broken', value: { type: 'json', text: '[4111111111111111]' } },
        { key: 'other', value: { type: 'integer', text: '17' } },
      ],
    });
    expect(applied(parsePolicyFile(DEFAULT_POLICY), record).attributes.map(({ value }) => value)).toEqual([
      { type: 'string', text: '[masked: card-number]' },
      { type: 'json', text: json.replace(secret, mask) },
      { type: 'string', text: '[[masked: card-number]]' },
      { type: 'integer', text: '17' },
    ]);
  });

  test('keep keys of attributes apart', () => {
    const [one, two] = [secret, secret.replace('IOS', 'IPS')];
    const record = recordOf({ attributes: [attribute(one, 'a'), attribute(two, 'b'), attribute('c', 'c')] });
    const { attributes } = applied(parsePolicyFile(DEFAULT_POLICY), record);
    expect(attributes.map(({ key }) => key)).toEqual([mask, `${mask} 2`, 'c']);
  });

  test('of whole fields are those of the rule, for its actions only', () => {
    const policy = policyOf(
      "  - { name: quiet, actions: ['message.*'], mask: { fields: ['attributes[body]', 'actor.email', reason] } }",
    );
    const more = { attributes: [attribute('body', 'Dear Ada'), attribute('to', 'x')], reason: null };
    const record = applied(
      policy,
      recordOf({ ...more, action: 'message.send', actor: actorOf({ email: 'a@b.example' }) }),
    );
    expect(record.attributes[0]?.value.text).toBe('[masked: quiet]');
    expect(record.actor?.email).toBe('[masked: quiet]');
    expect(record.reason).toBeNull();
    expect(record.flags.map(({ field }) => field)).toEqual(['attributes[0].value.text', 'actor.email']);
    expect(applied(policy, recordOf(more)).attributes[0]?.value.text).toBe('Dear Ada');
  });

  test('leave the number of an instance alone, and many flags become few', () => {
    const attributes = Array.from({ length: 200 }, (_, n) => attribute(`k${n}`, secret));
    const producer = { instance: '4111111111111111', sequence: 1, last: false, abandoned: [] };
    const record = applied(parsePolicyFile(DEFAULT_POLICY), recordOf({ attributes, producer }));
    expect(record.producer).toEqual(producer);
    expect(record.flags).toHaveLength(51);
    expect(record.flags.at(-1)).toEqual({ code: 'masked', field: null, note: '150 more fields' });
  });

  test('can be off for all and on for some', () => {
    const rule = "  - { name: cards, actions: ['*'], except: ['parcel.*'], mask: { cards: true } }";
    const policy = policyOf(rule, 'mask: { cards: false, secrets: false }\n');
    const reason = '4111 1111 1111 1111 AKIAIOSFODNN7EXAMPLE';
    expect(applied(policy, recordOf({ action: 'parcel.send', reason })).reason).toBe(reason);
    expect(applied(policy, recordOf({ reason })).reason).toBe('[masked: card-number] AKIAIOSFODNN7EXAMPLE');
  });

  test('do not come to actions: such an event is refused', () => {
    const { refuse } = parsePolicyFile(DEFAULT_POLICY).apply(recordOf({ action: `dapi${'0a1b2c3d'.repeat(4)}.x` }));
    expect(refuse?.code).toBe('policy-action');
    expect(JSON.stringify(refuse)).not.toContain('0a1b2c3d');
  });

  test('have the same result each time, and masked records are masked already', () => {
    const policy = parsePolicyFile(DEFAULT_POLICY);
    const once = applied(policy, recordOf({ reason: `by ${secret}` }));
    expect(applied(policy, once)).toEqual(once);
  });
});

test('any record is decided on, keeps its shape and can be encoded', () => {
  const secret = 'AKIAIOSFODNN7EXAMPLE';
  const policy = policyOf(
    "  - { name: all, actions: ['*'], identity: verified, require: [reason, 'targets[].changes[].after'], mask: { fields: [reason] } }",
  );
  const { avro, encode, decode } = auditRecordType();
  for (let n = 0; n < 300; n++) {
    const random: AuditRecord = decode(avro.toBuffer(avro.random()));
    const record = { ...random, reason: secret, attributes: [...random.attributes, attribute(secret, secret)] };
    const { record: after } = policy.apply(record);
    const again = decode(encode(after));
    expect(JSON.stringify(again)).not.toContain(secret);
    expect(again.targets).toHaveLength(random.targets.length);
    expect(again.original).toEqual(random.original);
  }
});

describe('rules', () => {
  test('demand an identity at least as sure', () => {
    const demands = ['anonymous', 'asserted', 'verified'] as const;
    for (const [least, identity] of demands.entries()) {
      const policy = policyOf(`  - { name: who, actions: ['*'], identity: ${identity} }`);
      for (const [sure, attribution] of demands.entries()) {
        const { refuse } = policy.apply({ ...recordOf(), attribution });
        expect(refuse?.code ?? null).toBe(sure < least ? 'policy-identity' : null);
        if (refuse) expect(refuse.problems[0]).toMatchObject({ field: 'actor', found: attribution });
      }
    }
  });

  test('are for actions that match a pattern and no exception', () => {
    const rule =
      "  - { name: all, actions: ['account.*', '*.x.*', a.b], except: ['account.close.*'], outcome: refuse }";
    const policy = policyOf(rule);
    const refused = (action: string) => policy.apply(recordOf({ action })).refuse !== null;
    for (const action of ['account.close', 'account.limit.raise', 'q.x.y', 'a.b']) expect(refused(action)).toBe(true);
    for (const action of ['accounts.close', 'account.close.now', 'x.y', 'q.x', 'a.b.c'])
      expect(refused(action)).toBe(false);
  });

  test('for everything are not for what tidemark itself does', () => {
    const policy = policyOf("  - { name: all, actions: ['*', 'audit.*'], outcome: refuse }");
    for (const action of ['audit.heartbeat', 'audit.close', 'audit.policy.change', 'audit.erase.request']) {
      expect(policy.apply(recordOf({ action })).refuse).toBeNull();
    }
    expect(policy.apply(recordOf({ action: 'audit.other' })).refuse).not.toBeNull();
    const wide = policyOf("  - { name: all, actions: ['*'], outcome: refuse }");
    expect(wide.apply(recordOf({ action: 'audit.other' })).refuse).toBeNull();
  });

  test('that flag say which rule, and of which field', () => {
    const policy = policyOf('  - { name: why, actions: [account.close], require: [reason, tenant], otherwise: flag }');
    const { record, refuse } = policy.apply(recordOf());
    expect(refuse).toBeNull();
    const note = 'rule why demands the field reason, found nothing';
    expect(record.flags).toEqual([{ code: 'policy-fields', field: 'reason', note }]);
  });

  test.each<[string, Partial<AuditEvent>, boolean]>([
    ['reason', { reason: '' }, false],
    ['reason', { reason: 'x' }, true],
    ['actor', {}, false],
    ['actor.roles', { actor: actorOf() }, false],
    ['actor.roles', { actor: actorOf({ roles: ['r'] }) }, true],
    ['targets[].name', {}, true],
    ['targets[account].name', {}, true],
    ['targets[user].name', {}, false],
    ['targets[0].name', {}, true],
    ['targets[1].name', {}, false],
    ['attributes[order.id]', { attributes: [attribute('order.id', '5')] }, true],
    ['attributes[order.id]', { attributes: [attribute('order.id', '')] }, false],
    ['attributes[]', {}, false],
    ['request.clientAddress', { request: { id: 'r', traceParent: null, clientAddress: null, userAgent: null } }, false],
    ['change.reference', { change: { perimeter: 'p', reference: 'T-1', run: null, approval: null } }, true],
  ])('demand %s: %#', (path, more, there) => {
    const policy = policyOf(`  - { name: one, actions: ['*'], require: ['${path}'] }`);
    expect(policy.apply(recordOf(more)).refuse === null).toBe(there);
  });

  test('all that match hold, in any order, and the strictest outcome counts', () => {
    const rules = [
      "  - { name: wide, actions: ['*'], identity: asserted, otherwise: flag }",
      "  - { name: payments, actions: ['payment.*'], require: [reason] }",
      '  - { name: other, actions: [account.close], outcome: refuse }',
    ];
    for (const order of [rules, rules.toReversed()]) {
      const policy = policyOf(order.join('\n'));
      const { record, refuse } = policy.apply(recordOf({ action: 'payment.refund' }));
      expect(record.policy?.rules.toSorted()).toEqual(['payments', 'wide']);
      expect(record.flags.map(({ code }) => code)).toEqual(['policy-identity']);
      expect(refuse).toEqual({
        code: 'policy-fields',
        message: 'rule payments demands the field reason, found nothing',
        problems: [{ field: 'reason', found: 'nothing', expected: 'a value: rule payments' }],
      });
    }
  });
});
