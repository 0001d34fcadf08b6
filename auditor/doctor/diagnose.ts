// Where an event is on its way: sent, sealed, archived, logged, or refused and why. Each stage is looked at by itself, so that the
// answer also says where it stopped.

import { type ReadEvent, readEvents } from '../read/read-events.ts';
import type { Trust } from '../read/trust.ts';
import { isRecord } from '../read/view.ts';
import type { ArchiveStore } from '../store.ts';
import type { SealedEvent } from '../tail/sealed-event.ts';
import { findRecords, type SearchedTopic } from './find-record.ts';

export interface DiagnoseOptions {
  readonly id: string;
  readonly searched: SearchedTopic;
  readonly rawTopic: string;
  readonly eventsTopic: string;
  /** Null: the bucket is not looked at. */
  readonly archive: { readonly store: ArchiveStore; readonly trust: Trust } | null;
}

export interface Diagnosis {
  /** In the raw topic; more than one: sent again by its producer, or by somebody else. */
  readonly sent: readonly SealedEvent[];
  /** In the events topic, the event or the refusal of one of its records. */
  readonly sealed: readonly SealedEvent[];
  /** In the bucket. Null: it was not looked at. */
  readonly archived: readonly ReadEvent[] | null;
  /** What stood in the way of reading the bucket. */
  readonly problems: readonly string[];
}

export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const { id, searched, rawTopic, eventsTopic, archive } = options;
  const sent = await findRecords(rawTopic, searched, ({ value }) => idOf(value) === id);
  const places = new Set(sent.map(({ partition, offset }) => `${partition} ${offset}`));
  const sealed = await findRecords(
    eventsTopic,
    searched,
    ({ value }) => idOf(value) === id || places.has(rawPlaceOf(value)),
  );
  if (!archive) return { sent, sealed, archived: null, problems: [] };
  // A refusal has an id of its own.
  const ids = new Set([id, ...sealed.map(({ value }) => idOf(value))]);
  const archived: ReadEvent[] = [];
  const problems: string[] = [];
  const from = earliest([...sent, ...sealed]) ?? BigInt(searched.since) * 1000n;
  for await (const item of readEvents(archive.store, { trust: archive.trust, filter: { from } })) {
    if (item.kind === 'event' && ids.has(item.fields.id)) archived.push(item);
    else if (item.kind === 'problem') problems.push(`${item.key}: ${item.text}`);
  }
  return { sent, sealed, archived, problems };
}

/** When the event says that it happened, microseconds; of several records the earliest. */
function earliest(events: readonly SealedEvent[]): bigint | undefined {
  const times = events.flatMap(({ value }) => {
    const time = isRecord(value) ? value.occurredAt : undefined;
    return typeof time === 'number' || typeof time === 'bigint' ? [BigInt(time)] : [];
  });
  return times.sort((a, b) => (a < b ? -1 : 1))[0];
}

function idOf(value: unknown): string {
  return isRecord(value) && typeof value.id === 'string' ? value.id : '';
}

function rawPlaceOf(value: unknown): string {
  const raw = isRecord(value) && isRecord(value.raw) ? value.raw : {};
  return `${raw.partition} ${raw.offset}`;
}
