/** An event as people like to read it: in the words of who recorded it, values as values, and nothing that is not there. */
import type { AuditEvent, Target, Value } from '../../schemas/types.ts';
import type { ActorInput, ChangeInput, OriginInput, RequestInput } from './input.ts';

export interface RecordedChange {
  readonly field: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface RecordedTarget {
  readonly type: string;
  readonly id: string;
  readonly name?: string;
  readonly person?: boolean;
  readonly changes?: readonly RecordedChange[];
}

export interface RecordedEvent {
  readonly id: string;
  readonly occurredAt: Date;
  readonly action: string;
  readonly outcome: 'success' | 'denied' | 'failure';
  readonly tenant?: string;
  readonly actor?: ActorInput;
  /** The main one of `targets`. */
  readonly target: RecordedTarget;
  readonly targets: readonly RecordedTarget[];
  readonly origin?: OriginInput;
  readonly request?: RequestInput;
  readonly change?: ChangeInput;
  readonly reason?: string;
  readonly corrects?: string;
  readonly attributes: { readonly [key: string]: unknown };
}

export function recordedEvent(event: AuditEvent): RecordedEvent {
  const { id, occurredAt, action, outcome, attributes, producer: _, targets, ...rest } = event;
  const things = targets.map(recordedTarget);
  const [target] = things;
  if (target === undefined) throw new TypeError('found an event without a target, expected one at least');
  const values = attributes.map(({ key, value }) => [key, plainValue(value)] as const);
  return {
    ...(present(rest) as object),
    id,
    occurredAt: new Date(occurredAt / 1000),
    action,
    outcome,
    target,
    targets: things,
    attributes: Object.fromEntries(values),
  };
}

function recordedTarget({ changes, person, ...target }: Target): RecordedTarget {
  const told = changes.map(({ field, before, after }) => ({
    field,
    ...(before !== null && { before: plainValue(before) }),
    ...(after !== null && { after: plainValue(after) }),
  }));
  return {
    ...(present(target) as { type: string; id: string }),
    ...(person && { person }),
    ...(told.length > 0 && { changes: told }),
  };
}

/** Without nulls and empty lists, at any depth. */
function present(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(present);
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.entries(value).map(([name, one]) => [name, present(one)] as const);
  return Object.fromEntries(parts.filter(([, one]) => one !== null && !(Array.isArray(one) && one.length === 0)));
}

function plainValue({ type, text }: Value): unknown {
  if (typeof text !== 'string' || type === 'string') return text;
  if (type !== 'integer') return JSON.parse(text);
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}
