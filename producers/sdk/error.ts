import type { EventProblem } from '../../core/event/index.ts';

/** Why an event was not recorded, or an auditor not made. */
export type AuditErrorCode =
  /** The event breaks a rule: `field`, `found` and `expected` say which; mend the call. */
  | 'invalid-event'
  /** The event is larger than `maxEventBytes`, or than what the brokers take: record less in one event. */
  | 'too-large'
  /** More events wait than the queue may hold: the brokers are away or too slow. */
  | 'queue-full'
  /** The spool holds `maxBytes` of events that Kafka has not taken yet. */
  | 'spool-full'
  /** The spool can't be used: another process has it, it is damaged, or its directory can't be written. The message says which. */
  | 'spool-unusable'
  /** What is known of a configuration can't be kept: its store is damaged, another's, or can't be read or written. The message says which. */
  | 'store-unusable'
  /** The auditor was closed before the call. */
  | 'closed'
  /** No broker has the event: it was given up after the delivery timeout, or refused for good. */
  | 'not-sent'
  /** Sent, but never answered for: a broker may have the event or not. Recording it again may record it twice. */
  | 'unknown-outcome'
  /** `createAuditor`, or `recordConfiguration`, was called with options that can't work. */
  | 'invalid-options';

export interface AuditErrorDetails {
  readonly eventId?: string | undefined;
  readonly problems?: readonly EventProblem[] | undefined;
  readonly cause?: unknown;
}

/** The one error of the SDK. */
export class AuditError extends Error {
  override readonly name = 'AuditError';
  readonly code: AuditErrorCode;
  /** Id of the event, where it got that far. */
  readonly eventId: string | undefined;
  /** All rules that were broken; `field`, `found` and `expected` are those of the first. */
  readonly problems: readonly EventProblem[];
  readonly field: string | undefined;
  readonly found: string | undefined;
  readonly expected: string | undefined;
  /** The rule of the declared actions that the first problem breaks, such as `account.close/required`. */
  readonly rule: string | undefined;

  constructor(code: AuditErrorCode, message: string, details: AuditErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.eventId = details.eventId;
    this.problems = details.problems ?? [];
    const first = this.problems[0];
    this.field = first?.field;
    this.found = first?.found;
    this.expected = first?.expected;
    this.rule = first?.rule;
  }
}

/** The error for an event that breaks rules: at least one. */
export function invalidEvent(problems: readonly EventProblem[], cause?: unknown): AuditError {
  const told = problems
    .slice(0, 5)
    .map(
      ({ field, found, expected, rule }) =>
        `${field}: found ${found}, expected ${expected}${rule ? ` (rule ${rule})` : ''}`,
    );
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : '';
  return new AuditError('invalid-event', `Invalid event: ${told.join('; ')}${more}`, { problems, cause });
}

/** Throws AuditError `too-large` where an event takes more than it may. */
export function checkSize(eventId: string, bytes: number, most: number): void {
  if (bytes <= most) return;
  const message = `Event ${eventId} takes ${bytes} bytes, expected at most ${most}: record less in one event`;
  throw new AuditError('too-large', message, { eventId });
}

/** Tells a service's own handler, which may throw or reject: that is not allowed to reach the service as ours. */
export function tell(onError: (error: AuditError) => unknown, error: AuditError): void {
  try {
    const answer = onError(error);
    if (answer instanceof Promise) answer.catch(() => undefined);
  } catch {
    // Nobody is left to tell; the counters say it.
  }
}

/** Whatever was thrown as an AuditError, also where looking at it throws. */
export function asAuditError(thrown: unknown): AuditError {
  try {
    if (thrown instanceof AuditError) return thrown;
    const message = thrown instanceof Error ? String(thrown.message) : typeof thrown;
    const problem = {
      field: 'event',
      found: `an object that throws when it is read (${message})`,
      expected: 'plain data',
    };
    return invalidEvent([problem], thrown);
  } catch {
    return invalidEvent([{ field: 'event', found: 'an object that throws when it is read', expected: 'plain data' }]);
  }
}
