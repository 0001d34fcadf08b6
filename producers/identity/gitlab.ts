/**
 * Jobs of GitLab CI by their ID tokens (`id_tokens:` of a job). On gitlab.com everybody gets such tokens for any audience:
 * a list of namespaces or projects says whose are accepted.
 */
import { z } from 'zod';
import { attributesOf, identifier, parseClaims, shown } from './claims.ts';
import { IdentityError } from './error.ts';
import type { CheckedDelegator, Checker, VerifiedIdentity } from './identity.ts';
import { createJwtChecker, type JwtOptions, type VerifiedToken } from './jwt.ts';

export interface GitlabOptions extends Omit<JwtOptions, 'issuer' | 'type'> {
  /** Default `https://gitlab.com`. */
  readonly issuer?: string | undefined;
  /** Numbers of namespaces (`namespace_id`) whose projects are accepted. */
  readonly namespaceIds?: readonly string[] | undefined;
  /** Numbers of projects that are accepted. */
  readonly projectIds?: readonly string[] | undefined;
  /** Take the login of who triggered the pipeline; default false. */
  readonly personal?: boolean | undefined;
}

/** GitLab writes its numbers as texts; some versions wrote numbers. */
const number = z.union([z.string(), z.number().transform(String)]).pipe(z.string().regex(/^\d{1,20}$/));
const job = z.looseObject({
  namespace_id: number,
  project_id: number,
  project_path: z.string(),
  pipeline_id: number,
  job_id: number,
  user_id: number,
  user_login: z.string(),
  sha: z.string(),
  ref: z.string(),
});
type Job = z.output<typeof job>;

/** Throws IdentityError `invalid-options`. */
export function createGitlabChecker(options: GitlabOptions): Checker {
  const { issuer = 'https://gitlab.com', namespaceIds = [], projectIds = [] } = options;
  if (namespaceIds.length + projectIds.length === 0) {
    throw new IdentityError(
      'invalid-options',
      'namespaceIds, projectIds: found none, expected numbers of one at least',
    );
  }
  return createJwtChecker({ algorithms: ['RS256'], ...options, issuer }, token => {
    const claims = parseClaims(job, token.claims, 'a token of GitLab CI');
    if (!namespaceIds.includes(claims.namespace_id) && !projectIds.includes(claims.project_id)) {
      throw new IdentityError('not-allowed', 'the project, or its namespace, is not among those accepted');
    }
    return identityOf(token, claims, options.personal === true);
  });
}

function identityOf(token: VerifiedToken, claims: Job, personal: boolean): VerifiedIdentity {
  const { issuer, subject, keyId, checkedAt, expiresAt } = token;
  const { host } = new URL(issuer);
  // Numbers are those of one GitLab; most readers know only one.
  const realm = host === 'gitlab.com' ? '' : `${host}:`;
  return {
    attribution: 'verified',
    actor: {
      kind: 'machine',
      id: `gitlab-ci:${realm}${claims.project_id}`,
      roles: [],
      onBehalfOf: [triggeredBy(claims, realm, personal)],
      credential: { method: 'gitlab-ci', issuer, subject: shown(subject), keyId, checkedAt },
    },
    change: {
      perimeter: 'pipeline',
      run: identifier(`${issuer}/${claims.project_path}/-/pipelines/${claims.pipeline_id}`, 'project_path'),
    },
    attributes: attributesOf({
      'ci.repository': claims.project_path,
      'ci.workflow': claims.ci_config_ref_uri,
      'ci.run': claims.pipeline_id,
      'ci.job': claims.job_id,
      'ci.commit': claims.sha,
      'ci.ref': claims.ref,
      'ci.event': claims.pipeline_source,
      'ci.environment': claims.environment,
      'ci.runner': claims.runner_environment,
    }),
    expiresAt,
  };
}

/** Also of a schedule: the pipeline runs with the rights of its owner. Access tokens of projects and groups have users too. */
function triggeredBy({ user_id, user_login }: Job, realm: string, personal: boolean): CheckedDelegator {
  const kind = /^(?:project|group)_\d+_bot/.test(user_login) ? 'machine' : 'human';
  const name = personal ? shown(user_login) : undefined;
  return { kind, id: `gitlab:${realm}${user_id}`, ...(name === undefined ? {} : { name }) };
}
