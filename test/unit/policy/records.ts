// Records as the normalizer's decision makes them, for the tests of the policy.

import { decide } from '../../../consumers/normalizer/decide.ts';
import type { Actor, AuditEvent, AuditRecord } from '../../../schemas/index.ts';
import { encode, makeEvent, place, rawRecord, writer } from '../normalizer/records.ts';

export const now = 1_767_600_002_000_000;

/** The accepted record of an event. */
export function recordOf(more: Partial<AuditEvent> = {}): AuditRecord {
  const { record, refused } = decide(rawRecord(encode(makeEvent(more))), place, writer, now);
  if (refused !== null) throw new Error(`the event is refused: ${JSON.stringify(record.refused)}`);
  return record;
}

export function actorOf(more: Partial<Actor> = {}): Actor {
  return {
    kind: 'human',
    id: 'u-1',
    name: null,
    email: null,
    roles: [],
    session: null,
    onBehalfOf: [],
    credential: null,
    ...more,
  };
}

/** An attribute whose value is a text. */
export const attribute = (key: string, text: string) => ({ key, value: { type: 'string' as const, text } });
