// Whether the pipeline kept its promise: what the producers' ledgers, the two topics and the bucket say, held against each other. Shares no
// code with the pipeline: no file of the checker's imports anything but packages and the others, and a test keeps it so.

import type { Ledger } from './ledger.ts';

/** An event as the checker remembers it. */
export interface SeenEvent {
  /** `<generation>/<partition>/<raw offset>`. */
  readonly raw: string;
  readonly generation: number;
  readonly partition: number;
  readonly offset: number;
  readonly id: string;
  readonly action: string;
  /** The ledger that it is in, and its number there; null: it is no producer's of ours. */
  readonly ledger: { readonly producer: string; readonly number: number; readonly key: string } | null;
  /** As the archive format has it. */
  readonly numbered: { readonly instance: string; readonly sequence: number } | null;
  /** SHA-256 of its datum. */
  readonly digest: string;
}

export interface Evidence {
  readonly ledgers: readonly Ledger[];
  /** All records that the raw topic ever held, as `SeenEvent.raw`, and whether a producer numbered them: heartbeats have no number. */
  readonly raw: ReadonlyMap<string, { readonly isNumbered: boolean }>;
  /** Committed events of the events topic, of each partition in order. */
  readonly topic: readonly SeenEvent[];
  /** Events of all segments, of each partition in order. */
  readonly archive: readonly SeenEvent[];
  readonly versions: readonly { readonly key: string; readonly isDeleteMarker: boolean }[];
  /** The events topic was made anew in between: what came before is in the archive alone. */
  readonly isTopicYounger: boolean;
}

export type ProblemKind =
  /** Acknowledged, or in the raw topic, and not in the archive. */
  | 'lost'
  /** In the topic or in the archive more than once. */
  | 'doubled'
  /** In the archive, though nobody sent it, or though its producer was told that no broker has it. */
  | 'unseen'
  /** Refused, or another event of the pipeline's own that these runs have no cause for. */
  | 'refused'
  /** A key's events in another order than they were recorded in. */
  | 'order'
  /** Archive and topic have not the same bytes. */
  | 'differs'
  /** The number in the event is not the producer's. */
  | 'numbering'
  /** A key with more than one version, or a delete marker. */
  | 'version';

export interface Problem {
  readonly kind: ProblemKind;
  readonly what: string;
}

export interface Comparison {
  readonly problems: readonly Problem[];
  readonly acknowledged: number;
  readonly failed: number;
  readonly unknown: number;
  /** Of the unknown ones, those that are there. */
  readonly unknownThere: number;
  /** Raw records beyond the first of an event, that its producer sent again after an unknown answer. */
  readonly sentAgain: number;
  readonly archived: number;
}

export function compare(evidence: Evidence): Comparison {
  const problems: Problem[] = [];
  const say = (kind: ProblemKind, what: string): void => void problems.push({ kind, what });
  compareRaw(evidence, say);
  compareTopic(evidence, say);
  checkActions(evidence, say);
  checkOrder(evidence, say);
  checkVersions(evidence, say);
  const counts = compareLedgers(evidence, say);
  return { problems, ...counts, archived: evidence.archive.length };
}

type Say = (kind: ProblemKind, what: string) => void;

/**
 * Each raw record is one event of the archive, and no event is of none. Behind the last event of a partition there may be heartbeats: the last
 * normalizer sent them, and ended.
 */
function compareRaw({ raw, archive }: Evidence, say: Say): void {
  const archived = new Set<string>();
  const ends = new Map<string, number>();
  for (const event of archive) {
    const chain = `${event.generation}/${event.partition}`;
    ends.set(chain, Math.max(ends.get(chain) ?? -1, event.offset));
    if (archived.has(event.raw)) say('doubled', `raw record ${event.raw} is in the archive more than once`);
    archived.add(event.raw);
    if (!raw.has(event.raw)) say('unseen', `the archive has raw record ${event.raw}, the raw topic does not`);
  }
  for (const [place, { isNumbered }] of raw) {
    const at = place.lastIndexOf('/');
    const isBehind = Number(place.slice(at + 1)) > (ends.get(place.slice(0, at)) ?? -1);
    if (!archived.has(place) && (isNumbered || !isBehind)) say('lost', `raw record ${place} is not in the archive`);
  }
}

/** The same events with the same bytes in the same order. */
function compareTopic({ topic, archive, isTopicYounger }: Evidence, say: Say): void {
  const archived = new Map(archive.map(event => [event.raw, event.digest]));
  const seen = new Set<string>();
  const firsts = new Map<number, SeenEvent>();
  for (const event of topic) {
    if (seen.has(event.raw)) say('doubled', `raw record ${event.raw} is in the events topic more than once`);
    seen.add(event.raw);
    if (!firsts.has(event.partition)) firsts.set(event.partition, event);
    const digest = archived.get(event.raw);
    if (digest === undefined) say('differs', `raw record ${event.raw} is in the events topic, not in the archive`);
    else if (digest !== event.digest) say('differs', `raw record ${event.raw} has other bytes in the archive`);
  }
  for (const event of archive) {
    const first = firsts.get(event.partition);
    const isOlder = isTopicYounger && (!first || isBefore(event, first));
    if (!seen.has(event.raw) && !isOlder)
      say('differs', `raw record ${event.raw} is in the archive, not in the events topic`);
  }
  for (const [where, events] of [
    ['the events topic', topic],
    ['the archive', archive],
  ] as const) {
    const last = new Map<number, SeenEvent>();
    for (const event of events) {
      const before = last.get(event.partition);
      if (before && !isBefore(before, event)) say('order', `${where}: ${event.raw} comes after ${before.raw}`);
      last.set(event.partition, event);
    }
  }
}

/** Of the same partition. */
function isBefore(one: SeenEvent, other: SeenEvent): boolean {
  return one.generation < other.generation || (one.generation === other.generation && one.offset < other.offset);
}

const ownActions = new Set(['audit.heartbeat', 'audit.close']);

function checkActions({ archive }: Evidence, say: Say): void {
  for (const { ledger, action, raw } of archive) {
    if (!ledger && !ownActions.has(action)) say('refused', `raw record ${raw} became ${action}`);
  }
}

/** Of a key's events in one partition, the first of each number in the order of numbers. */
function checkOrder({ archive }: Evidence, say: Say): void {
  const seen = new Set<string>();
  const last = new Map<string, number>();
  for (const { ledger, raw } of archive) {
    if (!ledger) continue;
    const { producer, number, key } = ledger;
    if (seen.has(`${producer} ${number}`)) continue;
    seen.add(`${producer} ${number}`);
    const lane = `${key} ${raw.slice(0, raw.lastIndexOf('/'))}`;
    const before = last.get(lane) ?? -1;
    if (number < before) say('order', `key ${key}: number ${number} of ${producer} at ${raw} comes after ${before}`);
    last.set(lane, Math.max(before, number));
  }
}

function checkVersions({ versions }: Evidence, say: Say): void {
  const counts = new Map<string, number>();
  for (const { key, isDeleteMarker } of versions) {
    if (isDeleteMarker) say('version', `${key} has a delete marker`);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  // The one key that is replaced, by a larger one; what lies aside is no evidence.
  const isReplaced = (key: string): boolean => key === 'log/checkpoint' || key.startsWith('aside/');
  for (const [key, count] of counts) if (count > 1 && !isReplaced(key)) say('version', `${key} has ${count} versions`);
}

function compareLedgers({ ledgers, archive }: Evidence, say: Say) {
  const there = new Map<string, SeenEvent[]>();
  const byName = new Map(ledgers.map(ledger => [ledger.producer, ledger]));
  for (const event of archive) {
    if (!event.ledger) continue;
    const { producer, number, key } = event.ledger;
    const name = `${producer} ${number}`;
    there.set(name, [...(there.get(name) ?? []), event]);
    const ledger = byName.get(producer);
    if (ledger?.entries.get(number)?.key !== key) say('unseen', `${name} at ${event.raw} is in no ledger`);
    const { instance = '', sequence = -1 } = event.numbered ?? {};
    if (sequence !== number || !ledger?.instances.includes(instance))
      say('numbering', `${name} at ${event.raw} has number ${sequence} of ${instance}`);
  }
  const counts = { acknowledged: 0, failed: 0, unknown: 0, unknownThere: 0, sentAgain: 0 };
  for (const { producer, entries } of ledgers) {
    for (const [number, { outcome }] of entries) {
      const name = `${producer} ${number}`;
      const events = there.get(name) ?? [];
      counts[outcome]++;
      if (outcome === 'unknown' && events.length > 0) counts.unknownThere++;
      counts.sentAgain += Math.max(0, events.length - 1);
      if (outcome === 'acknowledged' && events.length === 0) say('lost', `${name} was acknowledged`);
      if (outcome === 'failed' && events.length > 0) say('unseen', `${name} had failed, and is there`);
      if (new Set(events.map(({ id }) => id)).size > 1) say('doubled', `${name} is there as several events`);
    }
  }
  return counts;
}
