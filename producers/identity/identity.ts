/**
 * What a check takes and gives. The actor is as `audit.record` takes it; nothing of it can lead back to the credential.
 */
import type { TLSSocket } from 'node:tls';
import type { ActorKind, Attribution } from '../../schemas/types.ts';

/** A credential as it was presented. */
export type Presented =
  /** A bearer token: a JWT or an opaque one. */
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'api-key'; readonly key: string }
  /** The connection on which a client showed its certificate. */
  | { readonly kind: 'certificate'; readonly socket: TLSSocket };

export interface CheckedActor {
  readonly kind: ActorKind;
  readonly id: string;
  /** Only where the checker was told to take what is personal; so are `email` and `session`. */
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  readonly session?: string | undefined;
  readonly roles: readonly string[];
  /** On whose behalf, nearest first. */
  readonly onBehalfOf: readonly CheckedDelegator[];
  readonly credential: CheckedCredential;
}

export interface CheckedDelegator {
  readonly kind: ActorKind;
  readonly id: string;
  readonly name?: string | undefined;
}

export interface CheckedCredential {
  /** `oidc`, `introspection`, `api-key`, `github-actions`, `gitlab-ci`, `kubernetes`, `mtls`. */
  readonly method: string;
  readonly issuer?: string | undefined;
  /** Whom it names as acting, in the words of its issuer. */
  readonly subject?: string | undefined;
  /** Id of the token, else of the key that signed it; prefix of an API key; serial number of a certificate. */
  readonly keyId?: string | undefined;
  /** When it was checked, in microseconds since 1970. */
  readonly checkedAt: number;
}

/** The change that a credential is bound to, such as the run of a pipeline. */
export interface CheckedChange {
  readonly perimeter: string;
  readonly reference?: string | undefined;
  readonly run?: string | undefined;
}

/** Who somebody is, by a credential that was checked. */
export interface VerifiedIdentity {
  readonly attribution: Extract<Attribution, 'verified'>;
  readonly actor: CheckedActor;
  readonly change?: CheckedChange | undefined;
  /** What else the credential proves, such as the commit that a pipeline runs on. */
  readonly attributes: Readonly<Record<string, string>>;
  /** When the credential ends, in milliseconds since 1970: the identity must not be kept beyond. */
  readonly expiresAt?: number | undefined;
}

/** Checks credentials of one kind and issuer. */
export interface Checker {
  /** Whether the credential is for this checker, by a look that proves nothing. */
  accepts(presented: Presented): boolean;
  /** Who presented it. Throws IdentityError. May be called concurrently. */
  check(presented: Presented): Promise<VerifiedIdentity>;
  close(): void;
}
