// The way of a raw record to the bytes of its event, in two steps: `prepare` (decide, policy, enrich) tells whose keys are needed,
// `finish` (seal, encode) needs them at hand. Both are sync and know nothing of the partition: what waits is between them.

import type { Declarations } from '../../core/catalogue/index.ts';
import type { FetchedRecord } from '../../core/edge/kafka/index.ts';
import { type KeyOwner, type KeyRing, ownerName, planSealing, type Sealing } from '../../core/envelope/index.ts';
import { type AuditRecord, DatumWriter, type Flag, writeRecord } from '../../schemas/index.ts';
import { undeclaredFlags } from './catalogue.ts';
import { type Decision, decide, type Place, refuseByPolicy } from './decide.ts';
import type { Enrichers } from './enrich/index.ts';
import type { LoadedPolicy } from './policy/index.ts';
import { type RunEvent, VALUE_ROOM } from './run.ts';
import { NO_PROOF, type Services, type SourceVerdict } from './sources/index.ts';
import type { NoSchema, WriterSchema } from './writer-schema.ts';

/** Each may be absent: then nothing is done for it. */
export interface Parts {
  /** The policy in force; it may be another one the next time. */
  readonly policy: (() => LoadedPolicy) | null;
  /** The registered services in force; they may be others the next time. */
  readonly services: (() => Services) | null;
  /** The declared actions in force; they may be others the next time. */
  readonly actions: (() => Declarations) | null;
  readonly enrichers: Pick<Enrichers, 'enrich' | 'seen'> | null;
  /** Null: personal data stays in clear. */
  readonly ring: KeyRing | null;
}

export interface Prepared {
  readonly raw: FetchedRecord;
  readonly decision: Decision;
  /** Null: nothing is sealed. */
  readonly sealing: Sealing | null;
}

export function prepare(
  raw: FetchedRecord,
  place: Place,
  writer: WriterSchema | NoSchema | undefined,
  now: number,
  { policy, services, actions, enrichers, ring }: Parts,
  source: SourceVerdict = NO_PROOF,
): Prepared {
  let decision = decide(raw, place, writer, now, services ? { verdict: source, services: services() } : undefined);
  if (actions && !decision.refused) decision = mark(decision, undeclaredFlags(decision.record, actions()));
  if (policy) decision = judge(raw, place, decision, policy());
  if (enrichers && !decision.refused) {
    decision = { ...decision, record: enrichers.enrich(decision.record) };
    enrichers.seen(decision.record);
  }
  return { raw, decision, sealing: ring && planSealing(decision.record) };
}

function mark(decision: Decision, flags: readonly Flag[]): Decision {
  if (flags.length === 0) return decision;
  const { record } = decision;
  return { ...decision, record: { ...record, flags: [...record.flags, ...flags] } };
}

function judge(raw: FetchedRecord, place: Place, decision: Decision, policy: LoadedPolicy): Decision {
  const { record, masked, refuse } = policy.apply(decision.record, decision.bytes);
  if (refuse) return refuseByPolicy(raw, place, record, refuse);
  return { ...decision, record, bytes: masked ? null : decision.bytes };
}

/** The owners of several records, each once. */
export function ownersIn(records: readonly Prepared[]): KeyOwner[] {
  const owners = new Map<string, KeyOwner>();
  for (const { sealing } of records) for (const owner of sealing?.owners ?? []) owners.set(ownerName(owner), owner);
  return [...owners.values()];
}

/** Events are written one behind the other: one buffer takes many of them. */
const writer = new DatumWriter();

/** The event as it is written, as a run takes it; with a ring, nothing personal is in clear in it. */
export function finish({ raw, decision, sealing }: Prepared, ring: KeyRing | null): RunEvent {
  const key = keyOf(raw, decision, sealing !== null);
  if (ring && sealing) {
    const sealed = sealing.seal(ring);
    return { key, value: writeRecord(writer, sealed.record, decision.bytes, sealed, VALUE_ROOM) };
  }
  return { key, value: writeRecord(writer, decision.record, decision.bytes, null, VALUE_ROOM) };
}

/**
 * The key of the event's message. A refused record's key may be anything, a person's name too, so it is kept within the event alone;
 * where personal data is sealed or a secret was masked, so may be any other that does not repeat what the event says in clear.
 */
function keyOf({ key }: FetchedRecord, { refused, record }: Decision, isSealed: boolean): Buffer | null {
  if (refused || key === null) return null;
  const mayTell = isSealed || record.flags.some(({ code }) => code === 'masked');
  return !mayTell || isClear(key.toString('utf8'), record) ? key : null;
}

function isClear(key: string, { tenant, targets }: AuditRecord): boolean {
  return key === tenant || targets.some(({ type, id }) => key === `${type}/${id}`);
}
