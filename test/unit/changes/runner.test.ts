import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { identifyRunner } from '../../../producers/changes/index.ts';
import { createApiKey } from '../../../producers/identity/index.ts';
import { temporaryFolder } from '../../temporary.ts';
import { newKey, startIssuer } from '../identity/issuer.ts';
import { startWeb } from '../identity/web.ts';

const job = {
  aud: 'tidemark',
  repository: 'octo-org/octo-repo',
  repository_id: '74',
  repository_owner_id: '65',
  workflow_ref: 'octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main',
  run_id: '1234567890',
  run_attempt: '2',
  sha: 'd6fd4a0c6c1a3a1f0c2b1f6b6b8f1e2d3c4b5a69',
  ref: 'refs/heads/main',
  event_name: 'push',
  actor: 'octocat',
  actor_id: '12',
};

/** What a job of GitHub Actions finds in its environment, and a server that gives it a token. */
async function githubJob(claims: Record<string, unknown> = {}, status = 200) {
  const issuer = await startIssuer();
  issuer.keys = [await newKey('actions', 'RS256')];
  const asked: string[] = [];
  const tokens = await startWeb((request, response) => {
    asked.push(`${request.headers.authorization} ${request.url}`);
    void issuer.mint({ ...job, ...claims }, { typ: 'JWT' }).then(value => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ value }));
    });
  });
  onTestFinished(() => Promise.all([issuer.web.down(), tokens.down()]).then(() => undefined));
  const env = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${tokens.url}/token?api-version=2`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-secret',
    GITHUB_REPOSITORY_ID: '74',
    TIDEMARK_ID_TOKEN_ISSUER: issuer.url,
  };
  return { env, asked };
}

describe('GitHub Actions', () => {
  test('the job asks for its token, and is verified by it', async () => {
    const { env, asked } = await githubJob();
    expect(await identifyRunner({ env, actor: 'u-9' })).toMatchObject({
      attribution: 'verified',
      actor: {
        kind: 'machine',
        id: 'github-actions:74/.github/workflows/deploy.yml',
        onBehalfOf: [{ kind: 'human', id: 'github:12' }],
        credential: { method: 'github-actions' },
      },
      change: { perimeter: 'pipeline' },
      attributes: { 'ci.commit': job.sha },
    });
    expect(asked).toEqual(['Bearer request-secret /token?api-version=2&audience=tidemark']);
  });

  test('a token of another repository, or for others, is an error and never a mere claim', async () => {
    for (const [claims, code] of [
      [{ repository_id: '75' }, 'not-allowed'],
      [{ aud: 'others' }, 'wrong-audience'],
    ] as const) {
      const { env } = await githubJob(claims);
      await expect(identifyRunner({ env, actor: 'u-9' })).rejects.toMatchObject({ code });
    }
  });

  test('without the permission it says which one is missing, and tells no secret', async () => {
    const { env } = await githubJob({}, 403);
    const error = await identifyRunner({ env }).catch((cause: Error) => cause);
    expect(error).toMatchObject({ code: 'no-identity', message: expect.stringContaining('id-token: write') });
    expect(String(error)).not.toContain('request-secret');
    const { ACTIONS_ID_TOKEN_REQUEST_TOKEN: _, ...less } = env;
    await expect(identifyRunner({ env: less })).rejects.toThrow(/found no ACTIONS_ID_TOKEN_REQUEST_TOKEN/);
  });
});

test('a job of GitLab CI is verified by the token in its variable', async () => {
  const issuer = await startIssuer();
  onTestFinished(() => issuer.web.down());
  issuer.keys = [await newKey('gitlab', 'RS256')];
  const claims = { namespace_id: '72', project_id: '20', project_path: 'my-group/my-project', pipeline_id: '574' };
  const by = { job_id: '302', user_id: '1', user_login: 'sample-user', sha: job.sha, ref: 'main', aud: 'tidemark' };
  const token = await issuer.mint({ ...claims, ...by }, { typ: 'JWT' });
  const env = { TIDEMARK_ID_TOKEN: token, GITLAB_CI: 'true', CI_PROJECT_ID: '20', CI_SERVER_URL: issuer.url };
  expect(await identifyRunner({ env })).toMatchObject({
    attribution: 'verified',
    actor: { credential: { method: 'gitlab-ci', issuer: issuer.url } },
  });
  await expect(identifyRunner({ env: { ...env, CI_PROJECT_ID: '21' } })).rejects.toMatchObject({ code: 'not-allowed' });
  await expect(identifyRunner({ env: { TIDEMARK_ID_TOKEN: token } })).rejects.toThrow(/outside GitLab CI/);
});

test('an API key is checked against its file', async () => {
  const file = join(temporaryFolder(), 'keys.yaml');
  const now = Date.now();
  const actor = { kind: 'machine', id: 'service/deployer' } as const;
  const { key } = createApiKey(file, { actor, owner: 'u-77', roles: [], by: 'u-9', expiresAt: now + 60_000 }, now);
  const env = { TIDEMARK_API_KEY: key, TIDEMARK_API_KEYS: file };
  expect(await identifyRunner({ env })).toMatchObject({ attribution: 'verified', actor });
  const forged = { ...env, TIDEMARK_API_KEY: key.replace(/.{10}$/, '0123456789') };
  await expect(identifyRunner({ env: forged })).rejects.toMatchObject({ code: 'malformed' });
  await expect(identifyRunner({ env: { TIDEMARK_API_KEY: key } })).rejects.toThrow(/TIDEMARK_API_KEYS/);
});

test('who is merely named is asserted, nobody is anonymous', async () => {
  expect(await identifyRunner({ env: {}, actor: 'u-9' })).toMatchObject({
    attribution: 'asserted',
    actor: { kind: 'human', id: 'u-9' },
  });
  expect(await identifyRunner({ env: {}, actor: 'machine:service/deployer' })).toMatchObject({
    actor: { kind: 'machine', id: 'service/deployer' },
  });
  expect(await identifyRunner({ env: {} })).toMatchObject({ attribution: 'anonymous' });
});
