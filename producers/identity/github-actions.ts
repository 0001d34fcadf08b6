/**
 * Jobs of GitHub Actions by their OIDC tokens. The issuer is the same for everybody on GitHub, and a job chooses its
 * token's audience itself: without a list of owners or repositories every account in the world would be let in.
 *
 * Ids are by number, as those that the gateway takes from GitHub's webhooks: numbers outlive renaming, and a name that was
 * given up can be taken by another.
 */
import { z } from 'zod';
import { attributesOf, identifier, parseClaims, shown } from './claims.ts';
import { IdentityError } from './error.ts';
import type { CheckedDelegator, Checker, VerifiedIdentity } from './identity.ts';
import { createJwtChecker, type JwtOptions, type VerifiedToken } from './jwt.ts';

export interface GithubActionsOptions extends Omit<JwtOptions, 'issuer' | 'type'> {
  /** Default `https://token.actions.githubusercontent.com`; an enterprise may have its own. */
  readonly issuer?: string | undefined;
  /** Numbers of the accounts (`repository_owner_id`) whose repositories are accepted. */
  readonly ownerIds?: readonly string[] | undefined;
  /** Numbers of repositories (`repository_id`) that are accepted. */
  readonly repositoryIds?: readonly string[] | undefined;
  /** Take the login of who triggered the run; default false. */
  readonly personal?: boolean | undefined;
}

const number = z.string().regex(/^\d{1,20}$/);
const job = z.looseObject({
  repository: z.string(),
  repository_id: number,
  repository_owner_id: number,
  workflow_ref: z.string(),
  run_id: number,
  run_attempt: number,
  sha: z.string(),
  ref: z.string(),
  event_name: z.string(),
  actor: z.string(),
  actor_id: number,
});
type Job = z.output<typeof job>;

/** Throws IdentityError `invalid-options`. */
export function createGithubActionsChecker(options: GithubActionsOptions): Checker {
  const { issuer = 'https://token.actions.githubusercontent.com', ownerIds = [], repositoryIds = [] } = options;
  if (ownerIds.length + repositoryIds.length === 0) {
    throw new IdentityError('invalid-options', 'ownerIds, repositoryIds: found none, expected numbers of one at least');
  }
  return createJwtChecker({ algorithms: ['RS256'], ...options, issuer }, token => {
    const claims = parseClaims(job, token.claims, 'a token of GitHub Actions');
    if (!ownerIds.includes(claims.repository_owner_id) && !repositoryIds.includes(claims.repository_id)) {
      throw new IdentityError('not-allowed', 'the repository, or its owner, is not among those accepted');
    }
    return identityOf(token, claims, options.personal === true);
  });
}

function identityOf(token: VerifiedToken, claims: Job, personal: boolean): VerifiedIdentity {
  const { issuer, subject, keyId, checkedAt, expiresAt } = token;
  const { host: own } = new URL(issuer);
  const host = own === 'token.actions.githubusercontent.com' ? 'github.com' : own;
  return {
    attribution: 'verified',
    actor: {
      kind: 'machine',
      id: identifier(`github-actions:${claims.repository_id}/${workflowFile(claims)}`, 'workflow_ref'),
      roles: [],
      onBehalfOf: triggeredBy(claims, personal),
      credential: { method: 'github-actions', issuer, subject: shown(subject), keyId, checkedAt },
    },
    change: {
      perimeter: 'pipeline',
      run: identifier(`https://${host}/${claims.repository}/actions/runs/${claims.run_id}`, 'repository'),
    },
    attributes: attributesOf({
      'ci.repository': claims.repository,
      'ci.workflow': claims.workflow_ref,
      'ci.run': claims.run_id,
      'ci.attempt': claims.run_attempt,
      'ci.commit': claims.sha,
      'ci.ref': claims.ref,
      'ci.event': claims.event_name,
      'ci.environment': claims.environment,
      'ci.runner': claims.runner_environment,
    }),
    expiresAt,
  };
}

/** `octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main` without repository and ref: what stays the same. */
function workflowFile({ workflow_ref: ref, repository }: Job): string {
  const path = ref.split('@', 1)[0] ?? '';
  if (path.startsWith(`${repository}/`)) return path.slice(repository.length + 1);
  throw new IdentityError('wrong-claim', 'workflow_ref: expected a workflow of the repository');
}

/** Of a schedule GitHub names whoever changed it last: a person who may long be gone, and did not trigger this run. */
function triggeredBy({ event_name, actor, actor_id }: Job, personal: boolean): CheckedDelegator[] {
  if (event_name === 'schedule') return [];
  const name = personal ? shown(actor) : undefined;
  const kind = actor.endsWith('[bot]') ? 'machine' : 'human';
  return [{ kind, id: `github:${actor_id}`, ...(name === undefined ? {} : { name }) }];
}
