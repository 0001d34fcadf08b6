// Whatever stands in a genuine token: an identity that an event can hold, or an IdentityError. Never another error, nor an event that
// can't be recorded.

import { join } from 'node:path';
import fc from 'fast-check';
import { type JSONWebKeySet, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import {
  type Checker,
  createApiKey,
  createGithubActionsChecker,
  createGitlabChecker,
  createIdentifier,
  createKubernetesChecker,
  createOidcChecker,
  IdentityError,
  openApiKeyChecker,
  presentedBy,
} from '../../../producers/identity/index.ts';
import { temporaryFolder } from '../../temporary.ts';
import { anEvent, fakeAuditor } from '../sdk/fake-transport.ts';
import { AUDIENCE, newKey } from './issuer.ts';

const issuer = 'https://login.example.com';
/** Mostly what it should be, so that what is wrong stands alone. */
const mostly = (right: string, wrong: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 30, arbitrary: fc.constant(right) }, { weight: 1, arbitrary: wrong });
const number = mostly('74', fc.constantFrom('', 7, '0'.repeat(30), 'x', null));
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '',
    'u-1',
    'ada@example.com',
    'a\u0000b',
    '\ud800',
    'x'.repeat(513),
    'x'.repeat(3000),
    '[bot]',
    '../..',
  ),
);
const any = fc.oneof(
  { weight: 3, arbitrary: text },
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>([], {}, null, ['a'], 1),
);
const { act } = fc.letrec<{ act: unknown }>(tie => ({
  act: fc.oneof(
    {
      maxDepth: 20,
      depthSize: 'max',
      weight: 4,
      arbitrary: fc.record({ sub: text, act: tie('act'), name: any, iss: any }, { requiredKeys: ['sub'] }),
    },
    any,
  ),
}));
const claims = fc.record(
  {
    sub: mostly('system:serviceaccount:shop:billing', text),
    name: any,
    email: any,
    sid: any,
    jti: any,
    client_id: any,
    azp: any,
    scope: any,
    roles: fc.oneof(any, fc.array(text, { maxLength: 300 })),
    act,
    realm_access: fc.oneof(any, fc.record({ roles: any })),
    repository: mostly('octo/repo', text),
    repository_id: number,
    repository_owner_id: fc.constantFrom('65', '66'),
    workflow_ref: fc.oneof(
      text,
      text.map(end => `octo/repo/${end}@refs`),
    ),
    run_id: number,
    run_attempt: number,
    sha: mostly('d6fd4a0c', text),
    ref: mostly('refs/heads/main', text),
    event_name: mostly('push', text),
    actor: mostly('octocat', text),
    actor_id: number,
    environment: any,
    namespace_id: fc.constantFrom('72', 72),
    project_id: number,
    project_path: mostly('octo/repo', text),
    pipeline_id: number,
    job_id: number,
    user_id: number,
    user_login: mostly('octocat', text),
    'kubernetes.io': fc.oneof(
      any,
      fc.record(
        {
          namespace: fc.constant('shop'),
          serviceaccount: fc.constant({ name: 'billing' }),
          pod: fc.record({ name: text }),
          node: fc.record({ name: any }),
        },
        { requiredKeys: ['namespace', 'serviceaccount'] },
      ),
    ),
  },
  {
    requiredKeys: [
      'sub',
      'repository',
      'repository_id',
      'repository_owner_id',
      'workflow_ref',
      'run_id',
      'run_attempt',
      'sha',
      'ref',
      'event_name',
      'actor',
      'actor_id',
      'namespace_id',
      'project_id',
      'project_path',
      'pipeline_id',
      'job_id',
      'user_id',
      'user_login',
      'kubernetes.io',
    ],
  },
);

describe('a genuine token of whatever claims', () => {
  const personal = { roles: ['roles', 'realm_access.roles'], personal: true };
  test.each<
    [string, (base: { issuer: string; audience: string; algorithms: string[]; jwks: JSONWebKeySet }) => Checker]
  >([
    ['an access token', base => createOidcChecker({ ...base, ...personal })],
    ['of GitHub', base => createGithubActionsChecker({ ...base, ownerIds: ['65'], personal: true })],
    ['of GitLab', base => createGitlabChecker({ ...base, namespaceIds: ['72'], personal: true })],
    ['of Kubernetes', base => createKubernetesChecker({ ...base, cluster: 'c' })],
  ])('%s', async (_, create) => {
    const key = await newKey('any');
    const checker = create({ issuer, audience: AUDIENCE, algorithms: ['ES256'], jwks: { keys: [key.publicJwk] } });
    const { auditor } = fakeAuditor();
    let verified = 0;
    await fc.assert(
      fc.asyncProperty(claims, async (found: Record<string, unknown>) => {
        const token = await new SignJWT({ ...found, iss: issuer, aud: AUDIENCE, exp: 10_000_000_000 })
          .setProtectedHeader({ alg: 'ES256', kid: 'any' })
          .sign(key.privateKey);
        try {
          const { attribution: _, expiresAt: __, ...identity } = await checker.check({ kind: 'token', token });
          await auditor.record({ ...anEvent(), ...identity });
          verified++;
        } catch (error) {
          expect(error).toBeInstanceOf(IdentityError);
          const codes = token.length > 16_384 ? ['malformed'] : ['wrong-claim', 'not-allowed'];
          expect(codes).toContain((error as IdentityError).code);
        }
      }),
      { numRuns: 400, includeErrorInReport: true },
    );
    // Else nothing was tried.
    expect(verified).toBeGreaterThan(10);
  });
});

test('any text as a credential', async () => {
  const file = join(temporaryFolder(), 'keys.yaml');
  const actor = { kind: 'machine' as const, id: 'a' };
  createApiKey(file, { actor, owner: 'u-1', roles: [], by: 'u-1', expiresAt: Date.now() + 60_000 }, Date.now());
  const key = await newKey('any');
  const oidc = createOidcChecker({ issuer, audience: AUDIENCE, jwks: { keys: [key.publicJwk] } });
  const identifier = createIdentifier([oidc, await openApiKeyChecker({ file })]);
  const part = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.json({ maxDepth: 2 }).map(json => Buffer.from(json).toString('base64url')),
    fc.constantFrom(Buffer.from(`{"iss":"${issuer}"}`).toString('base64url'), 'tmk_'),
  );
  const credential = fc.array(part, { maxLength: 6 }).map(parts => parts.join('.'));
  await fc.assert(
    fc.asyncProperty(credential, fc.constantFrom('authorization', 'x-api-key'), async (found, header) => {
      try {
        const presented = presentedBy({
          headers: { [header]: header === 'authorization' ? `Bearer ${found}` : found },
        });
        if (presented === undefined) return;
        await identifier.identify(presented);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(IdentityError);
      }
    }),
    { numRuns: 1000 },
  );
  identifier.close();
});
