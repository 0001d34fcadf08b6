import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decide } from '../../../consumers/normalizer/decide.ts';
import { DEFAULT_POLICY, parsePolicyFile } from '../../../consumers/normalizer/policy/index.ts';
import { auditRecordType } from '../../../schemas/index.ts';
import { place, rawRecord } from '../normalizer/records.ts';
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

  test('masks what a refused record keeps of its producer', () => {
    const headers: [string, Buffer][] = [
      ['tidemark-instance', Buffer.from('AKIAIOSFODNN7EXAMPLE')],
      ['tidemark-sequence', Buffer.from('3')],
    ];
    const { record } = decide(rawRecord(null, { headers }), place, undefined, now);
    expect(policy.apply(record).record.producer?.instance).toBe('[masked: aws-access-key]');
  });
});

describe('rules', () => {
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
