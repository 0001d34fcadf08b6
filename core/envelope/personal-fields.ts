// Which fields of a record are personal, and whose. The table is the schema's fields with the tag PII, in the schema's order (a test
// holds it against the schema), and that is the order in which an owner's fields are encrypted.
//
// A field belongs to the person that it is about: the actor, who is acted for, a target that is declared to be a person. What is about
// nobody else (the reason, the request, values of other targets, attributes) is the actor's, as it tells what the actor did; without
// an actor it goes under the key of the day.

import type { AuditRecord } from '../../schemas/types.ts';
import type { KeyOwner } from './key-id.ts';

/** A record as nested fields; arrays stand for their elements. */
export type Shape = { readonly [name: string]: Shape | 'personal' };

const value: Shape = { text: 'personal' };

export const PERSONAL: Shape = {
  actor: {
    name: 'personal',
    email: 'personal',
    session: 'personal',
    onBehalfOf: { name: 'personal' },
    credential: { subject: 'personal' },
  },
  targets: { name: 'personal', changes: { before: value, after: value } },
  request: { clientAddress: 'personal', userAgent: 'personal' },
  reason: 'personal',
  attributes: { value },
  enrichment: { values: { value } },
};

/** Enrichments whose values come from the platform's own lists and tell of services, not of persons: they stay readable. */
const clearEnrichments: ReadonlySet<string> = new Set(['catalogue', 'live-change']);

/** Whether an enrichment of this name is one of these. */
export const isClearEnrichment = (name: string): boolean => clearEnrichments.has(name);

/** Whether a field of the table is left in clear after all. Only sealing asks: a reader opens whatever is sealed. */
export function isLeftClear(record: AuditRecord, path: string): boolean {
  const index = /^enrichment\[(\d+)\]/.exec(path)?.[1];
  return index !== undefined && isClearEnrichment(record.enrichment[Number(index)]?.name ?? '');
}

const microsPerMs = 1000;

/** The owner of what is nobody's: the day (UTC) of normalization. The normalizer's own clock, since another's is only a claim. */
export function dayOwner(record: AuditRecord): KeyOwner {
  return {
    kind: 'day',
    day: new Date(Math.floor(Number(record.normalizedAt) / microsPerMs)).toISOString().slice(0, 10),
  };
}

/** The owner of a field, by its path, such as targets[0].changes[2].before.text. */
export function ownerOf(record: AuditRecord, path: string): KeyOwner {
  const [, list, index] = /^(targets|actor\.onBehalfOf|enrichment)\[(\d+)\]/.exec(path) ?? [];
  const at = Number(index);
  if (list === 'enrichment') {
    const about = record.enrichment[at]?.about;
    // What is about an enrichment in turn would lead in circles.
    return about && !about.startsWith('enrichment') ? ownerOf(record, about) : actorOf(record);
  }
  const target = list === 'targets' ? record.targets[at] : undefined;
  if (target?.person) return { kind: 'person', id: target.id };
  const delegator = list === 'actor.onBehalfOf' ? record.actor?.onBehalfOf[at] : undefined;
  return delegator ? { kind: 'person', id: delegator.id } : actorOf(record);
}

function actorOf(record: AuditRecord): KeyOwner {
  return record.actor ? { kind: 'person', id: record.actor.id } : dayOwner(record);
}
