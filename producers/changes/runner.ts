/**
 * Who runs a pipeline, by the credential that its runner gives it: a job of GitHub Actions asks for its token, one of GitLab
 * has it in a variable, elsewhere it may be an API key.
 */

import type { ActorKind } from '../../schemas/types.ts';
import {
  ANONYMOUS,
  asserted,
  type Checker,
  createGithubActionsChecker,
  createGitlabChecker,
  type Identity,
  openApiKeyChecker,
  type Presented,
} from '../identity/index.ts';
import { ChangeError } from './error.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface RunnerOptions {
  readonly env: Env;
  /** Whom tokens are for; `tidemark` if not said. */
  readonly audience?: string | undefined;
  /** What is merely said, where no credential is there; `u-9` or `machine:service/deployer`. */
  readonly actor?: string | undefined;
}

const requestTimeoutMs = 10_000;

/**
 * The identity of whoever runs this process: verified, if its runner gives a credential; else asserted, if somebody is named;
 * else anonymous. A credential that fails its check throws, and is never passed over.
 */
export async function identifyRunner(options: RunnerOptions): Promise<Identity> {
  const { env, audience = 'tidemark' } = options;
  const found = await credentialIn(env, audience);
  if (found === null) return options.actor === undefined ? ANONYMOUS : asserted(actorOf(options.actor));
  try {
    return await found.checker.check(found.presented);
  } finally {
    found.checker.close();
  }
}

type Found = { readonly checker: Checker; readonly presented: Presented };

async function credentialIn(env: Env, audience: string): Promise<Found | null> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, TIDEMARK_ID_TOKEN: token, TIDEMARK_API_KEY: key } = env;
  if (url) return githubActions(env, url, audience);
  if (token && env.GITLAB_CI) return gitlab(env, token, audience);
  if (token)
    throw new ChangeError('no-identity', 'found TIDEMARK_ID_TOKEN outside GitLab CI, expected GITLAB_CI as it sets it');
  if (!key) return null;
  const file = env.TIDEMARK_API_KEYS;
  if (!file) {
    const message = 'found TIDEMARK_API_KEY without TIDEMARK_API_KEYS, expected the file of hashes to check it against';
    throw new ChangeError('no-identity', message);
  }
  return { checker: await openApiKeyChecker({ file }), presented: { kind: 'api-key', key } };
}

/** https://docs.github.com/actions/reference/security/oidc: a job with `id-token: write` asks for a token by these variables. */
async function githubActions(env: Env, url: string, audience: string): Promise<Found> {
  const repository = demanded(env, 'GITHUB_REPOSITORY_ID', 'GitHub Actions');
  const secret = demanded(env, 'ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'a job with the permission id-token: write');
  const asked = new URL(url);
  asked.searchParams.set('audience', audience);
  const issuer = env.TIDEMARK_ID_TOKEN_ISSUER;
  const checker = createGithubActionsChecker({ audience, repositoryIds: [repository], ...(issuer ? { issuer } : {}) });
  const token = await askForToken(asked, secret);
  return { checker, presented: { kind: 'token', token } };
}

async function askForToken(url: URL, secret: string): Promise<string> {
  let answer: Response;
  try {
    const headers = { authorization: `Bearer ${secret}`, accept: 'application/json' };
    answer = await fetch(url, { headers, signal: AbortSignal.timeout(requestTimeoutMs), redirect: 'error' });
  } catch (cause) {
    throw new ChangeError('no-identity', 'GitHub Actions does not answer for an ID token', { cause });
  }
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok && typeof body === 'object' && body !== null && 'value' in body && typeof body.value === 'string')
    return body.value;
  const expected = 'expected 200 and a token; does the job have the permission id-token: write?';
  throw new ChangeError('no-identity', `GitHub Actions answered ${answer.status} for an ID token, ${expected}`);
}

/** https://docs.gitlab.com/ci/secrets/id_token_authentication: `id_tokens:` with a token called TIDEMARK_ID_TOKEN. */
function gitlab(env: Env, token: string, audience: string): Found {
  const project = demanded(env, 'CI_PROJECT_ID', 'GitLab CI');
  const issuer = env.TIDEMARK_ID_TOKEN_ISSUER ?? demanded(env, 'CI_SERVER_URL', 'GitLab CI');
  return {
    checker: createGitlabChecker({ issuer, audience, projectIds: [project] }),
    presented: { kind: 'token', token },
  };
}

function demanded(env: Env, name: string, by: string): string {
  const value = env[name];
  if (value) return value;
  throw new ChangeError('no-identity', `found no ${name}, expected it as ${by} sets it`);
}

const KINDS: ReadonlySet<string> = new Set<ActorKind>(['human', 'machine', 'agent']);

/** `u-9` is a human; `machine:service/deployer` says its kind. */
function actorOf(text: string): { kind: ActorKind; id: string } {
  const at = text.indexOf(':');
  const kind = text.slice(0, Math.max(0, at));
  return isKind(kind) ? { kind, id: text.slice(at + 1) } : { kind: 'human', id: text };
}

const isKind = (text: string): text is ActorKind => KINDS.has(text);

/** Variables that hold a credential, which a command that is run has no need of. */
export const CREDENTIAL_VARIABLES = ['TIDEMARK_ID_TOKEN', 'TIDEMARK_API_KEY'] as const;
