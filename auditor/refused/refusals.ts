// Records that were not accepted, as people look after them: why, whose, and what became of those that were sent again. A record that is
// sent again names the refusal of its first try, and the normalizer says so in what it becomes.

import { RETRIED_FLAG } from '../../core/event/index.ts';
import { findRecords, type SearchedTopic } from '../doctor/find-record.ts';
import { isRecord } from '../read/view.ts';
import type { SealedEvent } from '../tail/sealed-event.ts';

export interface Refusal {
  /** Of the event that the refusal is. */
  readonly id: string;
  readonly event: SealedEvent;
  /** `topic/generation/partition/offset` of the raw record. */
  readonly place: string;
  readonly partition: number;
  readonly code: string;
  /** Who sent it, as `instance/sequence`; empty where that could not be read. */
  readonly producer: string;
  /** What it became when it was sent again, in order. */
  readonly retries: readonly Retry[];
}

export interface Retry {
  readonly id: string;
  readonly accepted: boolean;
}

/** All refusals since a time, in order within each partition. Throws AuditorError where the topic can't be read. */
export async function findRefusals(eventsTopic: string, searched: SearchedTopic): Promise<Refusal[]> {
  const events = await findRecords(
    eventsTopic,
    searched,
    event => event.refused !== null || firstTryOf(event.value) !== null,
  );
  const retries = new Map<string, Retry[]>();
  for (const { value, refused } of events) {
    const first = firstTryOf(value);
    if (first === null || !isRecord(value)) continue;
    retries.set(first, [...(retries.get(first) ?? []), { id: textOf(value.id), accepted: refused === null }]);
  }
  return events.filter(({ refused }) => refused !== null).map(event => refusalOf(event, retries));
}

function refusalOf(event: SealedEvent, retries: ReadonlyMap<string, readonly Retry[]>): Refusal {
  const value = isRecord(event.value) ? event.value : {};
  const raw = isRecord(value.raw) ? value.raw : {};
  const refused = isRecord(value.refused) ? value.refused : {};
  const producer = isRecord(value.producer) ? `${value.producer.instance}/${value.producer.sequence}` : '';
  const id = textOf(value.id);
  return {
    id,
    event,
    place: `${raw.topic}/${raw.generation}/${raw.partition}/${raw.offset}`,
    partition: Number(raw.partition),
    code: textOf(refused.code),
    producer,
    retries: retries.get(id) ?? [],
  };
}

/** The id of the refusal that a record was sent again for; null: it was not. */
function firstTryOf(value: unknown): string | null {
  const flags = isRecord(value) && Array.isArray(value.flags) ? value.flags.filter(isRecord) : [];
  const note = flags.find(({ code }) => code === RETRIED_FLAG)?.note;
  return typeof note === 'string' ? note.replace(/^.* /, '') : null;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
