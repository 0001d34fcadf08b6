import type { AuditEvent } from '../../schemas/types.ts';

/** The default key of an event, within which order is kept: type and id of its first target. */
export function defaultKey(event: Pick<AuditEvent, 'targets'>): string {
  const target = event.targets[0];
  return target === undefined ? '' : `${target.type}/${target.id}`;
}
