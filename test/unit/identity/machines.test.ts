// Pipelines and pods. The real issuers can't be reached from a test: a local one mints tokens with the claims that they document
// (GitHub "OpenID Connect reference", GitLab "ID token authentication", Kubernetes "Service account tokens").

import { describe, expect, test } from 'vitest';
import {
  createGithubActionsChecker,
  createGitlabChecker,
  createKubernetesChecker,
  createTokenReviewChecker,
  type GithubActionsOptions,
  type GitlabOptions,
  type KubernetesOptions,
} from '../../../producers/identity/index.ts';
import { AUDIENCE, codeOf, newKey, startIssuer } from './issuer.ts';
import { startWeb } from './web.ts';

describe('GitHub Actions', () => {
  const claims = {
    sub: 'repo:octo-org/octo-repo:environment:prod',
    environment: 'prod',
    aud: AUDIENCE,
    ref: 'refs/heads/main',
    sha: 'd6fd4a0c6c1a3a1f0c2b1f6b6b8f1e2d3c4b5a69',
    repository: 'octo-org/octo-repo',
    repository_owner: 'octo-org',
    actor_id: '12',
    repository_visibility: 'private',
    repository_id: '74',
    repository_owner_id: '65',
    run_id: '1234567890',
    run_number: '10',
    run_attempt: '2',
    runner_environment: 'github-hosted',
    actor: 'octocat',
    workflow: 'deploy',
    head_ref: '',
    base_ref: '',
    event_name: 'workflow_dispatch',
    ref_type: 'branch',
    workflow_ref: 'octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main',
    job_workflow_ref: 'octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main',
  };
  const check = async (changed: Record<string, unknown> = {}, options: Partial<GithubActionsOptions> = {}) => {
    const issuer = await startIssuer();
    const base = { issuer: issuer.url, audience: AUDIENCE, algorithms: ['ES256'], ownerIds: ['65'] };
    const checker = createGithubActionsChecker({ ...base, ...options });
    const token = await issuer.mint({ ...claims, jti: 'run-token', ...changed }, { typ: 'JWT' });
    return { issuer, identity: await codeOf(checker.check({ kind: 'token', token })) };
  };

  test('the workflow acts for who triggered it, in a run at a commit', async () => {
    const { identity, issuer } = await check();
    expect(identity).toMatchObject({
      attribution: 'verified',
      actor: {
        kind: 'machine',
        id: 'github-actions:74/.github/workflows/deploy.yml',
        onBehalfOf: [{ kind: 'human', id: 'github:12' }],
        credential: { method: 'github-actions', issuer: issuer.url, subject: claims.sub, keyId: 'run-token' },
      },
      change: {
        perimeter: 'pipeline',
        run: `https://127.0.0.1:${new URL(issuer.url).port}/octo-org/octo-repo/actions/runs/1234567890`,
      },
      attributes: {
        'ci.repository': 'octo-org/octo-repo',
        'ci.workflow': claims.workflow_ref,
        'ci.run': '1234567890',
        'ci.attempt': '2',
        'ci.commit': claims.sha,
        'ci.ref': 'refs/heads/main',
        'ci.event': 'workflow_dispatch',
        'ci.environment': 'prod',
        'ci.runner': 'github-hosted',
      },
    });
    expect(JSON.stringify(identity)).not.toContain('octocat');
  });

  test('its login where it is wanted; a bot is a machine; a schedule was triggered by nobody', async () => {
    const named = await check({}, { personal: true });
    expect(named.identity).toMatchObject({ actor: { onBehalfOf: [{ name: 'octocat' }] } });
    const bot = await check({ actor: 'dependabot[bot]', actor_id: '49699333' });
    expect(bot.identity).toMatchObject({ actor: { onBehalfOf: [{ kind: 'machine', id: 'github:49699333' }] } });
    expect((await check({ event_name: 'schedule' })).identity).toMatchObject({ actor: { onBehalfOf: [] } });
  });

  test('a stranger with a genuine token, a workflow of another repository, a missing claim', async () => {
    expect((await check({ repository_owner_id: '666', repository_id: '667' })).identity).toBe('not-allowed');
    expect((await check({}, { ownerIds: [], repositoryIds: ['74'] })).identity).toMatchObject({
      attribution: 'verified',
    });
    expect((await check({ workflow_ref: 'evil/repo/.github/workflows/deploy.yml@main' })).identity).toBe('wrong-claim');
    expect((await check({ actor_id: undefined })).identity).toBe('wrong-claim');
    expect((await check({ aud: 'https://github.com/octo-org' })).identity).toBe('wrong-audience');
  });

  test('of github.com itself: its issuer and its addresses', async () => {
    const key = await newKey('github', 'RS256');
    const checker = createGithubActionsChecker({
      audience: AUDIENCE,
      ownerIds: ['65'],
      jwks: { keys: [key.publicJwk] },
    });
    const issuer = await startIssuer();
    const token = await issuer.mint({ ...claims, iss: 'https://token.actions.githubusercontent.com' }, {}, key);
    expect(await codeOf(checker.check({ kind: 'token', token }))).toMatchObject({
      change: { run: 'https://github.com/octo-org/octo-repo/actions/runs/1234567890' },
    });
    expect(issuer.web.requests).toEqual([]);
  });

  test('without a list of who is accepted there is no checker', () => {
    expect(() => createGithubActionsChecker({ audience: AUDIENCE })).toThrow(/ownerIds, repositoryIds/);
  });
});

describe('GitLab CI', () => {
  const claims = {
    namespace_id: '72',
    namespace_path: 'my-group',
    project_id: '20',
    project_path: 'my-group/my-project',
    user_id: '1',
    user_login: 'sample-user',
    user_email: 'sample-user@example.com',
    user_identities: [{ provider: 'github', extern_uid: '2435223452345' }],
    pipeline_id: '574',
    pipeline_source: 'push',
    job_id: '302',
    ref: 'feature-branch-1',
    ref_type: 'branch',
    ref_path: 'refs/heads/feature-branch-1',
    ref_protected: 'false',
    environment: 'test-environment2',
    environment_protected: 'false',
    deployment_tier: 'testing',
    runner_id: 1,
    runner_environment: 'self-hosted',
    sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
    project_visibility: 'public',
    ci_config_ref_uri: 'gitlab.example.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main',
    sub: 'project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1',
  };
  const check = async (changed: Record<string, unknown> = {}, options: Partial<GitlabOptions> = {}) => {
    const issuer = await startIssuer();
    const base = { issuer: issuer.url, audience: AUDIENCE, algorithms: ['ES256'], namespaceIds: ['72'] };
    const checker = createGitlabChecker({ ...base, ...options });
    const token = await issuer.mint({ ...claims, ...changed }, { typ: 'JWT' });
    return { issuer, identity: await codeOf(checker.check({ kind: 'token', token })) };
  };

  test('the project acts for who triggered it, in a pipeline at a commit', async () => {
    const { identity, issuer } = await check();
    const { host } = new URL(issuer.url);
    expect(identity).toMatchObject({
      actor: {
        kind: 'machine',
        id: `gitlab-ci:${host}:20`,
        onBehalfOf: [{ kind: 'human', id: `gitlab:${host}:1` }],
        credential: { method: 'gitlab-ci', subject: claims.sub },
      },
      change: { perimeter: 'pipeline', run: `${issuer.url}/my-group/my-project/-/pipelines/574` },
      attributes: {
        'ci.commit': claims.sha,
        'ci.job': '302',
        'ci.event': 'push',
        'ci.environment': 'test-environment2',
      },
    });
    expect(JSON.stringify(identity)).not.toContain('sample-user');
  });

  test("a project's access token is a machine; strangers and missing claims are refused", async () => {
    expect((await check({ user_login: 'project_20_bot_3f' })).identity).toMatchObject({
      actor: { onBehalfOf: [{ kind: 'machine' }] },
    });
    expect((await check({ namespace_id: '9', project_id: '9' })).identity).toBe('not-allowed');
    expect((await check({ sha: undefined })).identity).toBe('wrong-claim');
    expect(() => createGitlabChecker({ audience: AUDIENCE })).toThrow(/namespaceIds, projectIds/);
  });
});

describe('Kubernetes service accounts', () => {
  const place = {
    namespace: 'shop',
    node: { name: 'node-1', uid: '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1' },
    pod: { name: 'billing-5d8', uid: '5e0bd49b-f040-43b0-99b7-22765a53f7f3' },
    serviceaccount: { name: 'billing', uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
  };
  const claims = { sub: 'system:serviceaccount:shop:billing', aud: [AUDIENCE], 'kubernetes.io': place };
  const check = async (changed: Record<string, unknown> = {}, options: Partial<KubernetesOptions> = {}) => {
    const issuer = await startIssuer();
    const checker = createKubernetesChecker({ issuer: issuer.url, audience: AUDIENCE, cluster: 'eu-1', ...options });
    const token = await issuer.mint({ ...claims, jti: '4f3c', ...changed }, { typ: 'JWT' });
    return codeOf(checker.check({ kind: 'token', token }));
  };

  test('a projected token names the account, its pod and node', async () => {
    expect(await check()).toMatchObject({
      actor: {
        kind: 'machine',
        id: 'kubernetes:eu-1/shop/billing',
        credential: { method: 'kubernetes', subject: claims.sub, keyId: '4f3c' },
      },
      attributes: {
        'k8s.cluster.name': 'eu-1',
        'k8s.namespace.name': 'shop',
        'k8s.pod.name': 'billing-5d8',
        'k8s.node.name': 'node-1',
      },
    });
  });

  test.each([
    ['a namespace that is not accepted', {}, { namespaces: ['bank'] }, 'not-allowed'],
    ['a subject of another account than the rest says', { sub: 'system:serviceaccount:shop:root' }, {}, 'wrong-claim'],
    ['no service account', { sub: 'system:node:node-1' }, {}, 'wrong-claim'],
    ['a name that would read as another', { sub: 'system:serviceaccount:shop:billing/../root' }, {}, 'wrong-claim'],
    ['a legacy token without end', { exp: undefined }, {}, 'wrong-claim'],
    ['for the API server', { aud: ['https://kubernetes.default.svc'] }, {}, 'wrong-audience'],
  ])('%s', async (_, changed, options, code) => {
    expect(await check(changed, options)).toBe(code);
  });

  test('by asking the API server, which is given the token and the audience', async () => {
    const issuer = await startIssuer();
    const token = await issuer.mint(claims);
    const asked: unknown[] = [];
    let status: object = {
      authenticated: true,
      audiences: [AUDIENCE],
      user: {
        username: 'system:serviceaccount:shop:billing',
        extra: {
          'authentication.kubernetes.io/pod-name': ['billing-5d8'],
          'authentication.kubernetes.io/credential-id': ['JTI=4f3c'],
        },
      },
    };
    const server = await startWeb((request, response) => {
      let body = '';
      request.on('data', part => (body += part));
      request.on('end', () => {
        asked.push(request.url, request.headers.authorization, JSON.parse(body).spec);
        response.writeHead(201).end(JSON.stringify({ kind: 'TokenReview', status }));
      });
    });
    const options = {
      server: server.url,
      issuer: issuer.url,
      audience: AUDIENCE,
      cluster: 'eu-1',
      cache: { ttlMs: 0 },
    };
    const checker = createTokenReviewChecker({ ...options, serverToken: () => 'our-own' });
    const review = () => codeOf(checker.check({ kind: 'token', token }));
    expect(await review()).toMatchObject({
      actor: { id: 'kubernetes:eu-1/shop/billing', credential: { keyId: 'JTI=4f3c', issuer: issuer.url } },
      attributes: { 'k8s.pod.name': 'billing-5d8' },
    });
    expect(asked).toEqual([
      '/apis/authentication.k8s.io/v1/tokenreviews',
      'Bearer our-own',
      { token, audiences: [AUDIENCE] },
    ]);
    status = { ...status, audiences: undefined };
    expect(await review()).toBe('wrong-audience');
    status = { ...status, audiences: [AUDIENCE], authenticated: false };
    expect(await review()).toBe('inactive');
    status = { authenticated: false, error: `the pod of ${token} is gone` };
    expect(await review()).toBe('inactive');
    status = { authenticated: true, audiences: [AUDIENCE], user: { username: 'admin' } };
    expect(await review()).toBe('not-allowed');
    await server.down();
    expect(await review()).toBe('unavailable');
  });
});
