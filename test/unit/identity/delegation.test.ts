// Who acts and on whose behalf: `act` claims as RFC 8693, 4.1 means them.

import { describe, expect, test } from 'vitest';
import { createOidcChecker, type OidcOptions } from '../../../producers/identity/index.ts';
import { AUDIENCE, codeOf, startIssuer } from './issuer.ts';

async function identityOf(claims: Record<string, unknown>, options: Partial<OidcOptions> = {}) {
  const issuer = await startIssuer();
  const checker = createOidcChecker({ issuer: issuer.url, audience: AUDIENCE, ...options });
  return codeOf(checker.check({ kind: 'token', token: await issuer.mint(claims) }));
}

const nested = (depth: number): object | undefined =>
  depth === 0 ? undefined : { sub: `a-${depth}`, ...(depth > 1 ? { act: nested(depth - 1) } : {}) };

test('a person, through an agent, through a service: the service acts, the nearest delegator first', async () => {
  const act = { sub: 'service/booking', act: { sub: 'agent/travel' } };
  const kindOf: OidcOptions['kindOf'] = ({ subject }) => (subject.startsWith('agent/') ? 'agent' : undefined);
  const identity = await identityOf({ sub: 'u-1842', act, roles: ['traveller'] }, { kindOf });
  expect(identity).toMatchObject({
    actor: {
      kind: 'machine',
      id: 'service/booking',
      roles: ['traveller'],
      onBehalfOf: [
        { kind: 'agent', id: 'agent/travel' },
        { kind: 'human', id: 'u-1842' },
      ],
    },
  });
});

test('the example of the RFC: service16 acts, before it service77 did, for the user', async () => {
  const act = { sub: 'https://service16.example.com', act: { sub: 'https://service77.example.com' } };
  const identity = await identityOf({ sub: 'user@example.com', act });
  expect(identity).toMatchObject({
    actor: {
      id: 'https://service16.example.com',
      onBehalfOf: [{ id: 'https://service77.example.com' }, { kind: 'human' }],
    },
  });
});

test('the subject that is kept is of who acts: it lies under the key of the actor', async () => {
  const identity = await identityOf({ sub: 'ada@example.com', act: { sub: 'agent-7' } });
  expect(identity).toMatchObject({ actor: { credential: { subject: 'agent-7' } } });
  expect(JSON.stringify(identity)).not.toContain('ada@example.com');
});

test('names stand with those whom they name, and only where they are wanted', async () => {
  const claims = { sub: 'u-1', name: 'Ada', email: 'ada@example.com', act: { sub: 'agent-7', name: 'Travel agent' } };
  expect(await identityOf(claims, { personal: true })).toMatchObject({
    actor: { name: 'Travel agent', email: undefined, onBehalfOf: [{ id: 'u-1', name: 'Ada' }] },
  });
  expect(JSON.stringify(await identityOf(claims))).not.toMatch(/Ada|Travel agent|ada@example/);
});

test('ids and kinds are by the options, for everybody in the chain', async () => {
  const seen: unknown[] = [];
  const options: Partial<OidcOptions> = {
    idOf: ({ subject, issuer, role, claims }) => {
      seen.push([subject, role, issuer.startsWith('http://127.0.0.1') ? 'own' : issuer]);
      return typeof claims.uid === 'string' ? claims.uid : undefined;
    },
    kindOf: ({ role }) => (role === 'subject' ? 'human' : 'agent'),
  };
  const act = { sub: 'a', iss: 'https://agents.example.com', uid: 'agent-7' };
  expect(await identityOf({ sub: 's', uid: 'u-9', act }, options)).toMatchObject({
    actor: { kind: 'agent', id: 'agent-7', onBehalfOf: [{ kind: 'human', id: 'u-9' }] },
  });
  expect(seen).toEqual([
    ['a', 'acting', 'https://agents.example.com'],
    ['s', 'subject', 'own'],
  ]);
});

test('may_act is a permission and names nobody who acts', async () => {
  expect(await identityOf({ may_act: { sub: 'agent-7' } })).toMatchObject({ actor: { id: 'u-1842', onBehalfOf: [] } });
});

describe('a chain that is not well formed is refused, never shortened', () => {
  test.each([
    ['no object', 'agent-7'],
    ['null', null],
    ['without a subject', { iss: 'https://a.example.com' }],
    ['an empty subject', { sub: '' }],
    ['broken further in', { sub: 'a', act: { sub: 7 } }],
    ['a list', ['a']],
    ['deeper than an event takes', nested(17)],
  ])('%s', async (_, act) => {
    expect(await identityOf({ act })).toBe('wrong-claim');
  });

  test('the deepest that an event takes', async () => {
    const identity = await identityOf({ act: nested(16) });
    expect(identity).toHaveProperty('actor.onBehalfOf.length', 16);
  });
});
