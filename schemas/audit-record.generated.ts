// Generated from the .avsc file beside it by `node schemas/generate.ts`: do not edit.
import type { Attribute, AuditEvent, Sealed } from './audit-event.generated.ts';

/** An event as evidence: as it was recorded, with where it came from, when, and how far it can be believed. */
export interface AuditRecord extends AuditEvent {
  /** The record of the raw topic that it was made from. */
  raw: RawPosition;
  /** When the raw topic received it. */
  received: Received;
  /** When the normalizer made this record, in microseconds since 1970. */
  normalizedAt: number;
  /** How the actor is known. */
  attribution: Attribution;
  /** Why the attribution is what it is. Not personal. */
  attributionReason: string;
  /** What the normalizer added. */
  enrichment: Enrichment[];
  /** What a reader should know about it. */
  flags: Flag[];
  /** The policy that was applied; null: none. */
  policy: Policy | null;
  /** Why the raw record was not accepted; null: it was. */
  refused: Refusal | null;
  /** The raw record itself, where it was refused or says more than this record can. */
  original: Original | null;
}

/** The record of the raw topic that the event was made from. */
export interface RawPosition {
  /** Raw topic. */
  topic: string;
  /** One higher whenever the offsets of the raw topic begin anew. */
  generation: number;
  /** Partition. */
  partition: number;
  /** Offset. */
  offset: number;
}

/** When the raw topic received the event. */
export interface Received {
  /** Timestamp of the raw record, in microseconds since 1970. */
  at: number;
  /** Whose clock says so: broker where the raw topic uses LogAppendTime, else producer. */
  source: TimeSource;
}

/** Whose clock: that of the broker when it appended the record, or that of the producer, which is only a claim. */
export type TimeSource = 'broker' | 'producer';

/** How the actor is known: by a credential that was checked; because the service says so; not at all. */
export type Attribution = 'verified' | 'asserted' | 'anonymous';

/** What the normalizer added from a source of its own. */
export interface Enrichment {
  /** Name of the enrichment, such as geo, catalogue, people, live-change. */
  name: string;
  /** Version of its source, such as the date of a database. */
  version: string;
  /** Path of the field that it is about, such as request.clientAddress; null: the event. */
  about: string | null;
  /** Whether it found values. */
  status: EnrichmentStatus;
  /** Why it has none, without anything from the event. Not personal. */
  note: string | null;
  /** What it found; a key at most once. */
  values: Attribute[];
}

/** Whether an enrichment found its values, found that there are none, or failed. */
export type EnrichmentStatus = 'found' | 'missing' | 'failed';

/** Something about the event that a reader should know. */
export interface Flag {
  /** What it is, such as clock-skew. */
  code: string;
  /** Path of the field concerned; null: the event. */
  field: string | null;
  /** Explanation, without anything from the event. Not personal. */
  note: string | null;
}

/** The policy that was applied. */
export interface Policy {
  /** Hex SHA-256 of the policy. */
  digest: string;
  /** Names of the rules that applied. */
  rules: string[];
}

/** Why the raw record was not accepted. */
export interface Refusal {
  /** Which rule, such as undecodable, unknown-schema, invalid. */
  code: string;
  /** What was found and what was expected, without anything from the record. Not personal. */
  message: string;
  /** Field by field, where the record could be read. */
  problems: Problem[];
}

/** A rule that the record breaks. */
export interface Problem {
  /** Path of the field, such as targets[0].id. */
  field: string;
  /** What was found, without its words. */
  found: string;
  /** What was expected. */
  expected: string;
}

/** A raw record kept as it was. Its bytes may be personal: where they are encrypted, all are in sealed, and key, value and headers are empty. */
export interface Original {
  /** Why it is kept. */
  cause: OriginalCause;
  /** Hex SHA-256 of the value of the record in clear; of nothing where the value is null. */
  sha256: string;
  /** Key of the record. */
  key: Uint8Array | null;
  /** Value of the record. */
  value: Uint8Array | null;
  /** Headers of the record, in order. */
  headers: Header[];
  /** Key, value and headers, encrypted. */
  sealed: Sealed | null;
}

/** Why the raw record is kept: it was refused; its writer knows fields or symbols that the normalizer does not. */
export type OriginalCause = 'refused' | 'unknown';

/** A header of a raw record. */
export interface Header {
  /** Name. */
  key: string;
  /** Value. */
  value: Uint8Array | null;
}
