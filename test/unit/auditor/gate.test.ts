// What opens a gate and what does not: each rule's ways around it are tried.

import { expect, test } from 'vitest';
import { evaluateGate } from '../../../auditor/gate/evaluate.ts';
import { parseGateRules } from '../../../auditor/gate/rules.ts';

const now = Date.UTC(2026, 0, 10);
const subject = { service: 'billing', version: '1.4.0', commit: 'c0ffee', environment: 'production' };
const rulesOf = (...rules: string[]) =>
  parseGateRules(`version: 1\nrules:\n  - ${rules.join('\n  - ')}\n`, 'gate.yaml');
const approval = rulesOf(
  "{ name: approval, actions: [deployment.approve], target: 'release/{service}@{version}', environment: '{environment}', roles: [release-*], notWhoDid: [code.push], within: P7D }",
);

interface Said {
  id?: string;
  action?: string;
  actor?: string;
  roles?: string[];
  attribution?: string;
  outcome?: string;
  target?: string;
  environment?: string;
  at?: number;
}

function event({
  id = 'e-1',
  action = 'deployment.approve',
  actor = 'u-9',
  roles = ['release-manager'],
  ...more
}: Said = {}) {
  const { attribution = 'verified', outcome = 'success', target = 'billing@1.4.0', environment = 'production' } = more;
  return {
    id,
    action,
    outcome,
    attribution,
    occurredAt: (more.at ?? now - 3_600_000) * 1000,
    actor: { kind: 'human', id: actor, roles },
    targets: [{ type: 'release', id: target }],
    origin: { service: 's', commit: 'c0ffee', environment },
    change: { perimeter: 'code', reference: 'T-1' },
  };
}

const evaluate = (values: unknown[], rules = approval) => evaluateGate(rules, subject, values, now);

test('an approval of this very thing, verified, by somebody who may, opens it', () => {
  expect(evaluate([event()])).toEqual([{ rule: 'approval', passes: true, says: 'u-9 (event e-1)' }]);
});

test.each<[string, Said[], string]>([
  ['nothing is there', [], 'found 0, expected deployment.approve by one'],
  ['it is merely asserted', [{ attribution: 'asserted' }], '1 with an identity that is less than verified'],
  ['of another version', [{ target: 'billing@1.4.1' }], 'found 0'],
  ['of another environment', [{ environment: 'staging' }], 'found 0'],
  ['too old', [{ at: now - 8 * 86_400_000 }], 'found 0'],
  ['denied', [{ outcome: 'denied' }], 'found 0'],
  ['without the role', [{ roles: ['developer'] }], '1 without the role'],
  ['by who wrote it', [{}, { action: 'code.push' }], '1 by somebody who did code.push'],
  ['by nobody', [{ actor: '' }], '1 by nobody'],
])('%s: it stays closed, and says why', (_, said, why) => {
  const [result] = evaluate(said.map(event));
  expect(result).toMatchObject({ passes: false, says: expect.stringContaining(why) });
});

test('different people are counted, not events', () => {
  const two = rulesOf("{ name: reviews, actions: ['review.*'], commit: '{commit}', by: ['u-*'], atLeast: 2 }");
  const review = (actor: string, id: string) => event({ action: 'review.submit', actor, id });
  expect(evaluate([review('u-1', 'a'), review('u-1', 'b'), review('x-2', 'c')], two)[0]).toMatchObject({
    passes: false,
    says: expect.stringContaining('found 1, expected review.* by 2 different actors; not counted: 1 by somebody else'),
  });
  expect(evaluate([review('u-1', 'a'), review('u-2', 'b')], two)[0]?.passes).toBe(true);
});

test('what is not given, or would match anything, is an error; so is whatever has no shape', () => {
  expect(() => evaluateGate(approval, { service: 'billing' }, [], now)).toThrow(/asks for \{version\}: give --version/);
  expect(() => evaluateGate(approval, { ...subject, version: '*' }, [event()], now)).toThrow(
    /--version: found a text with \*/,
  );
  expect(evaluate([null, 7, 'x', {}, { actor: [], targets: 7 }])[0]?.passes).toBe(false);
});

test('a file says all that is wrong with it, by line', () => {
  const text =
    'version: 1\nrules:\n  - name: a\n    actions: []\n    target: t\n    identty: verified\n  - { name: b, actions: [x.y] }\n';
  expect(() => parseGateRules(text, 'gate.yaml')).toThrow(
    /gate\.yaml:4: rules\[0\]\.actions[\s\S]*identty[\s\S]*gate\.yaml:7: rules\[1\].*target, commit or reference/,
  );
});
