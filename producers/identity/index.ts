/** Identity's door: who is behind a credential, by a check. See docs/identity.md. */
export { API_KEY } from './api-key.ts';
export type { StoredApiKey } from './api-key-file.ts';
export { type ApiKeyGrant, createApiKey, listApiKeys, revokeApiKey } from './api-key-store.ts';
export { type ApiKeyOptions, openApiKeyChecker } from './api-keys.ts';
export { type CertificateOptions, createCertificateChecker } from './certificate.ts';
export { IdentityError, type IdentityErrorCode } from './error.ts';
export { createGithubActionsChecker, type GithubActionsOptions } from './github-actions.ts';
export { createGitlabChecker, type GitlabOptions } from './gitlab.ts';
export {
  ANONYMOUS,
  type AssertedActor,
  asserted,
  createIdentifier,
  type Identifier,
  type Identity,
} from './identifier.ts';
export type * from './identity.ts';
export { createIntrospectionChecker, type IntrospectionOptions } from './introspection.ts';
export { createKubernetesChecker, type KubernetesOptions } from './kubernetes.ts';
export { createOidcChecker, type OidcOptions } from './oidc.ts';
export type { Party, PartyRules } from './parties.ts';
export { presentedBy, type RequestHead } from './presented.ts';
export { createReplayMemory, type ReplayMemory } from './replay.ts';
export { createTokenReviewChecker, type TokenReviewOptions } from './token-review.ts';
