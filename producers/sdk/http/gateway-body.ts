/**
 * An event as the gateway's `POST /v1/events` takes it: JSON, as a caller would write it. The number of this instance stays here, since
 * the gateway numbers what it sends; so does what only a check of the gateway's own may say of an actor: credential, roles, session.
 */
import type { AuditEvent } from '../../../schemas/types.ts';
import { recordedEvent } from '../recorded-event.ts';

export function bodyOf(events: readonly AuditEvent[]): string {
  return JSON.stringify(events.map(fieldsOf), (_, value: unknown) =>
    // A reader of JSON would round it.
    typeof value === 'bigint' ? String(value) : value,
  );
}

function fieldsOf(event: AuditEvent): object {
  const { target: _, actor, ...fields } = recordedEvent(event);
  const { kind, id, name, onBehalfOf } = actor ?? {};
  return { ...fields, occurredAt: event.occurredAt, actor: actor && { kind, id, name, onBehalfOf } };
}
