// Generated from the .avsc file beside it by `node schemas/generate.ts`: do not edit.

/** Who did what to which thing: an event as a producer records it. */
export interface AuditEvent {
  /** Id of the event, a UUID (version 7 from the SDK). */
  id: string;
  /** When it happened, in microseconds since 1970, by the clock of its recorder. */
  occurredAt: number;
  /** What was done: a noun, then a verb, dotted and lower case, such as account.close. Actions of audit. are those of tidemark itself. */
  action: string;
  /** How it ended. */
  outcome: Outcome;
  /** Customer or organisation that it belongs to. Not personal. */
  tenant: string | null;
  /** Who did it; null: unknown. */
  actor: Actor | null;
  /** What it was done to, the main thing first: at least one. */
  targets: Target[];
  /** Where it was recorded. */
  origin: Origin | null;
  /** Its place among the events of the instance that sent it; null: it is not numbered. */
  producer: Producer | null;
  /** The request that caused it. */
  request: Request | null;
  /** The change to a system that it belongs to. */
  change: Change | null;
  /** Why it was done, in the words of who did it. May be personal. (PII) */
  reason: string | Sealed | null;
  /** Id of an earlier event that this one corrects. */
  corrects: string | null;
  /** Anything else; a key at most once. */
  attributes: Attribute[];
}

/** How it ended. What a reader does not know it reads as failure, never as success. */
export type Outcome = 'success' | 'denied' | 'failure';

/** Who did it. */
export interface Actor {
  /** Human, machine or agent. */
  kind: ActorKind;
  /** Stable pseudonymous id, such as u-1842 or service/billing; never a name or an address. Not personal. */
  id: string;
  /** Display name, such as Ada Lovelace. Personal. (PII) */
  name: string | Sealed | null;
  /** E-mail address. Personal. (PII) */
  email: string | Sealed | null;
  /** Roles in force at the time, such as admin. Not personal. */
  roles: string[];
  /** Id of the session, never its token. May be personal. (PII) */
  session: string | Sealed | null;
  /** On whose behalf, nearest first: an agent acts for a service that acts for a person. Empty: for itself. */
  onBehalfOf: Delegator[];
  /** What proved who it is; null where there was none. */
  credential: Credential | null;
}

/** What kind of actor: a person; a service, job or device; a program that decides by itself, such as an AI agent. */
export type ActorKind = 'human' | 'machine' | 'agent';

/** A text that is stored encrypted, under a key that can be destroyed. Whoever lacks the key reads it as erased; the bytes, and every proof over them, stay. */
export interface Sealed {
  /** Names the data key, never the person. */
  keyId: string;
  /** Nonce of the encryption. */
  nonce: Uint8Array;
  /** The encrypted text with its authentication tag. */
  ciphertext: Uint8Array;
}

/** One link of the chain on whose behalf an actor acted. */
export interface Delegator {
  /** Human, machine or agent. */
  kind: ActorKind;
  /** Pseudonymous id, as in the actor. Not personal. */
  id: string;
  /** Display name. Personal. (PII) */
  name: string | Sealed | null;
}

/** What proved who the actor is, as far as it was checked. Never the credential itself. */
export interface Credential {
  /** How it was presented, such as oidc, api-key, mtls, password. */
  method: string;
  /** Who issued it, such as https://login.example.com. Not personal. */
  issuer: string | null;
  /** Whom it names, in the words of its issuer: a subject claim, a distinguished name. May be personal. (PII) */
  subject: string | Sealed | null;
  /** Id of the key or token (kid, jti, prefix of an API key, serial of a certificate), never the token. Not personal. */
  keyId: string | null;
  /** When it was checked, in microseconds since 1970; null where nobody checked it. */
  checkedAt: number | null;
}

/** A thing that was acted upon. */
export interface Target {
  /** Type of the thing, such as account, repository, user. Not personal. */
  type: string;
  /** Stable id among things of the type; for a person a pseudonym, never a name or an address. Not personal. */
  id: string;
  /** Display name. May be personal. (PII) */
  name: string | Sealed | null;
  /** The thing is a person, whose personal data this target holds. */
  person: boolean;
  /** What changed in it. */
  changes: FieldChange[];
}

/** One field of a target that changed. */
export interface FieldChange {
  /** Path of the field in the target, such as limits.daily. Not personal. */
  field: string;
  /** Its value before; null: it was not there. */
  before: Value | null;
  /** Its value after; null: it is gone. */
  after: Value | null;
}

/** A value of an exact type. The type stays readable when the text is encrypted. */
export interface Value {
  /** How to read the text. */
  type: ValueType;
  /** The value as text, such as 42, true, or {"a":1}; a string stands without quotes. May be personal. (PII) */
  text: string | Sealed | null;
}

/** How the text of a value is to be read: as it stands; true or false; a decimal integer of any size; a decimal number as in JSON; any other JSON value. */
export type ValueType = 'string' | 'boolean' | 'integer' | 'number' | 'json';

/** Where the event was recorded. */
export interface Origin {
  /** Name of the service, such as billing. */
  service: string;
  /** Version of the service, such as 4.2.0. */
  version: string | null;
  /** Commit it was built from. */
  commit: string | null;
  /** Environment, such as production. */
  environment: string | null;
  /** Region, such as eu-central-1. */
  region: string | null;
  /** Host, container or pod. */
  host: string | null;
}

/** The place of the event among those of the instance that sent it. */
export interface Producer {
  /** Id of the instance: new at each start of a process. */
  instance: string;
  /** Number of the event: from 0, without holes, over all partitions. */
  sequence: number;
  /** The instance ends with this event. */
  last: boolean;
  /** Numbers that the instance gave up, after it had told its caller so. */
  abandoned: SequenceRange[];
}

/** A range of numbers of a producer instance, both ends included. */
export interface SequenceRange {
  /** First number. */
  first: number;
  /** Last number. */
  last: number;
}

/** The request that caused the event. */
export interface Request {
  /** Id of the request. Not personal. */
  id: string | null;
  /** W3C traceparent, such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01. Not personal. */
  traceParent: string | null;
  /** IP address of the client. Personal. (PII) */
  clientAddress: string | Sealed | null;
  /** User agent of the client. Personal. (PII) */
  userAgent: string | Sealed | null;
}

/** The change to a system that this event belongs to. */
export interface Change {
  /** Kind of change, such as deployment, pipeline, migration, configuration. */
  perimeter: string;
  /** What describes it, such as a ticket or a pull request. Not personal. */
  reference: string | null;
  /** The run that carries it out, such as the address of a pipeline run. Not personal. */
  run: string | null;
  /** What approved it, such as the id of a review. Not personal. */
  approval: string | null;
}

/** A named value. */
export interface Attribute {
  /** Name, such as order.currency. Not personal. */
  key: string;
  /** Value. */
  value: Value;
}
