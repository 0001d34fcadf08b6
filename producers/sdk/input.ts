/** An event as a caller writes it: an action and a target; all the rest has defaults or is stamped. */
import type { ActorKind, Outcome } from '../../schemas/types.ts';

/** A value before or after a change, or of an attribute: JSON, a bigint or a Date (kept as its ISO text). */
export type ValueInput = string | number | bigint | boolean | null | Date | object;

/** Keys and their values. */
export type AttributesInput = { readonly [key: string]: ValueInput | undefined };

export interface TargetInput {
  /** Type of the thing, such as `account`. */
  readonly type: string;
  /** Stable id among things of the type; for a person a pseudonym, never a name or an address. */
  readonly id: string;
  readonly name?: string | undefined;
  /** The thing is a person: what is personal in this target is that person's. */
  readonly person?: boolean | undefined;
  readonly changes?: readonly FieldChangeInput[] | undefined;
}

export interface FieldChangeInput {
  /** Path of the field, such as `limits.daily`. */
  readonly field: string;
  /** Left out: the field was not there. */
  readonly before?: ValueInput | undefined;
  /** Left out: the field is gone. */
  readonly after?: ValueInput | undefined;
}

export interface ActorInput {
  readonly kind: ActorKind;
  /** Stable pseudonymous id, never a name or an address. */
  readonly id: string;
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  readonly roles?: readonly string[] | undefined;
  /** Id of the session, never its token. */
  readonly session?: string | undefined;
  /** On whose behalf, nearest first. */
  readonly onBehalfOf?: readonly DelegatorInput[] | undefined;
  readonly credential?: CredentialInput | undefined;
}

export interface DelegatorInput {
  readonly kind: ActorKind;
  readonly id: string;
  readonly name?: string | undefined;
}

export interface CredentialInput {
  /** How it was presented, such as `oidc`, `api-key`, `mtls`. */
  readonly method: string;
  readonly issuer?: string | undefined;
  readonly subject?: string | undefined;
  /** Id of the key or token, never the token. */
  readonly keyId?: string | undefined;
  readonly checkedAt?: TimeInput | undefined;
}

export interface OriginInput {
  readonly service: string;
  readonly version?: string | undefined;
  readonly commit?: string | undefined;
  readonly environment?: string | undefined;
  readonly region?: string | undefined;
  readonly host?: string | undefined;
}

export interface RequestInput {
  readonly id?: string | undefined;
  /** W3C `traceparent`. */
  readonly traceParent?: string | undefined;
  readonly clientAddress?: string | undefined;
  readonly userAgent?: string | undefined;
}

export interface ChangeInput {
  /** Kind of change, such as `deployment`, `pipeline`, `migration`, `configuration`. */
  readonly perimeter: string;
  readonly reference?: string | undefined;
  readonly run?: string | undefined;
  readonly approval?: string | undefined;
}

/** A Date, or microseconds since 1970. */
export type TimeInput = Date | number | bigint;

/** What an event may say beside what was done to which thing. */
export interface EventFields {
  /** What was done: a noun, then a verb, dotted and lower case, such as `account.close`. */
  readonly action: string;
  /** Default `success`. */
  readonly outcome?: Outcome | undefined;
  /** Default: a new UUID, version 7. */
  readonly id?: string | undefined;
  /** Default: now. */
  readonly occurredAt?: TimeInput | undefined;
  /** Default: the scope's, as with all that a scope has; null: none, whatever the scope says. */
  readonly tenant?: string | null | undefined;
  readonly actor?: ActorInput | null | undefined;
  /** Default: the auditor's own. */
  readonly origin?: OriginInput | undefined;
  /** Joined with the scope's, property by property; the trace is that of the active span. */
  readonly request?: RequestInput | null | undefined;
  readonly change?: ChangeInput | null | undefined;
  readonly reason?: string | null | undefined;
  /** Id of an earlier event that this one corrects. */
  readonly corrects?: string | undefined;
  /** Joined with the scope's, key by key. */
  readonly attributes?: AttributesInput | null | undefined;
}

/** One target, or several with the main one first. */
export type AuditInput = EventFields &
  (
    | { readonly target: TargetInput; readonly targets?: undefined }
    | { readonly targets: readonly TargetInput[]; readonly target?: undefined }
  );
