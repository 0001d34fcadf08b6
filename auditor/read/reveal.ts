// Personal fields of events that are read, in clear for who holds the keys. What is sealed stays in the event as it is; what became of
// each field is said beside it.

import { type FieldState, type FindKey, keyIdsOf, openPersonal } from '../../core/envelope/index.ts';
import type { AuditRecord } from '../../schemas/types.ts';
import { AuditorError } from '../error.ts';
import type { ArchiveStore } from '../store.ts';
import type { Filter } from './filter.ts';
import { type ReadEvent, readEvents } from './read-events.ts';
import { isRecord, viewOf } from './view.ts';

/** An event that was read, from an archive or from the topic. */
export type Revealable = Pick<ReadEvent, 'value' | 'view'>;

/** Ids of the keys that an event's sealed fields name; empty where it has none or could not be decoded. */
export function keyIdsIn({ value }: Revealable): string[] {
  if (!isAuditRecord(value)) return [];
  const keyIds = attempt(() => keyIdsOf(value));
  return keyIds instanceof Error ? [] : keyIds.filter(keyId => typeof keyId === 'string');
}

/** The event with its personal fields in clear, as far as `find` has their keys; `personal` says what became of each. */
export function revealEvent<E extends Revealable>(event: E, find: FindKey): E & Pick<ReadEvent, 'personal'> {
  const { value } = event;
  if (!isAuditRecord(value)) return event;
  const opened = attempt(() => openPersonal(value, find));
  if (opened instanceof Error)
    return { ...event, personal: [{ path: '', keyId: '', state: 'broken', problem: opened.message }] };
  const { record, fields } = opened;
  const view = viewOf(record);
  const actorName = fields.find(({ path }) => path === 'actor.name');
  return {
    ...event,
    value: record,
    personal: fields,
    view: { ...view, actorName: actorName ? (labelOf(actorName) ?? view.actorName) : view.actorName },
  };
}

/** Who can write to the bucket can give a segment any schema: what is of another shape inside is broken, and reading goes on. */
function attempt<T>(open: () => T): T | TypeError {
  try {
    return open();
  } catch (error) {
    if (error instanceof TypeError) return error;
    throw error;
  }
}

/** What a reader sees in the place of a field that is not in clear; null: it is. */
function labelOf({ state }: FieldState): string | null {
  switch (state) {
    case 'open':
      return null;
    case 'erased':
      return '(erased)';
    case 'no-key':
      return '(sealed)';
    case 'broken':
      return '(broken)';
  }
}

/**
 * Ids of all keys under which the events that a filter finds have fields. Throws AuditorError `not-provable` where something of the
 * archive can't be read: then it can't be said whom they are about.
 */
export async function keysInEvents(store: ArchiveStore, filter: Filter): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const item of readEvents(store, { trust: { policy: null, sealKeys: null }, filter })) {
    if (item.kind === 'problem') throw new AuditorError('not-provable', `${item.key}: ${item.text}`);
    if (item.kind !== 'event') continue;
    if (item.undecodable !== null) throw new AuditorError('not-provable', `${item.segment}: ${item.undecodable}`);
    for (const keyId of keyIdsIn(item)) found.add(keyId);
  }
  return found;
}

/** Whether a decoded value has what opening its fields looks at; another's schema may have any shape. */
function isAuditRecord(value: unknown): value is AuditRecord {
  if (!isRecord(value)) return false;
  const { id, targets, attributes, enrichment, normalizedAt, actor, original } = value;
  const lists = [targets, attributes, enrichment];
  const isList = (list: unknown) => Array.isArray(list) && list.every(isRecord);
  const isTime = typeof normalizedAt === 'number' || typeof normalizedAt === 'bigint';
  const isActor = actor === null || (isRecord(actor) && isList(actor.onBehalfOf));
  return (
    typeof id === 'string' && lists.every(isList) && isTime && isActor && (original === null || isRecord(original))
  );
}
