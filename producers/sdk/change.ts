/** The event of a change: what differs between two states of a thing. */
import { differences } from './differences.ts';
import type { AuditInput, EventFields, TargetInput } from './input.ts';

export interface ChangeOptions extends Omit<EventFields, 'action'> {
  /** Default: the target's type and `create`, `change` or `delete`. */
  readonly action?: string | undefined;
}

/** Null where nothing differs. */
export function changeEvent(
  target: TargetInput,
  before: unknown,
  after: unknown,
  options: ChangeOptions,
  isSecret: (name: string) => boolean,
): AuditInput | null {
  // A thing that is not there is null to some stores and undefined to others.
  const changes = differences(before ?? undefined, after ?? undefined, isSecret);
  if (changes.length === 0) return null;
  const verb = isGone(before) ? 'create' : isGone(after) ? 'delete' : 'change';
  const action = options.action ?? `${target?.type}.${verb}`;
  return { ...options, action, target: { ...target, changes: [...(target?.changes ?? []), ...changes] } };
}

const isGone = (state: unknown): boolean => state === undefined || state === null;
