/**
 * An auditor for tests: it completes, checks, masks and numbers as the real one does, and keeps what it accepts in memory.
 * Nothing of Kafka is reached.
 */
import type { Declarations } from '../../../core/catalogue/index.ts';
import type { Actions, DeclaredInput } from '../actions.ts';
import { type Auditor, auditorOver } from '../auditor.ts';
import type { AuditError } from '../error.ts';
import type { AuditInput } from '../input.ts';
import { type AuditorOptions, resolveOptions } from '../options.ts';
import { type RecordedEvent, recordedEvent } from '../recorded-event.ts';
import { type Transport, TransportError } from '../transport.ts';
import { type EventPattern, matches } from './matching.ts';

export interface TestAuditor<Input extends { readonly action: string } = AuditInput> extends Auditor<Input> {
  /** What was recorded and emitted, in order, as soon as the call is made. */
  readonly events: readonly RecordedEvent[];
  /** What `onError` was told: events of `emit` that were refused or could not be sent. */
  readonly errors: readonly AuditError[];
  /** The events that have what the pattern asks for. */
  recorded(pattern?: EventPattern): readonly RecordedEvent[];
  /** While true nothing can be sent, as with brokers that are away: `record` rejects with `not-sent` at once. */
  away: boolean;
  /** Forgets events and errors, between tests. */
  clear(): void;
}

/** Options of an auditor; `service` is `test` unless it says otherwise, and nothing comes from the environment. */
export type TestAuditorOptions = Omit<
  AuditorOptions,
  'transport' | 'brokers' | 'kafka' | 'registry' | 'topic' | 'log' | 'spool'
>;

export function createTestAuditor<A extends Declarations>(
  options: TestAuditorOptions & { readonly actions: Actions<A> },
): TestAuditor<DeclaredInput<A>>;
export function createTestAuditor(options?: TestAuditorOptions): TestAuditor;
export function createTestAuditor(options: TestAuditorOptions = {}): TestAuditor {
  const events: RecordedEvent[] = [];
  const errors: AuditError[] = [];
  const state = { away: false };
  const nowhere = { env: {}, folders: [], hostname: 'localhost', read: () => undefined };
  const { auditor: settings } = resolveOptions({ service: 'test', ...options, transport: 'console' }, {}, nowhere);
  const auditor = auditorOver(memoryTransport(state), {
    ...settings,
    lingerMs: options.lingerMs ?? 0,
    accepted: event => {
      if (!state.away) events.push(recordedEvent(event));
    },
    onError: error => {
      errors.push(error);
      options.onError?.(error);
    },
  });
  const kit: Omit<TestAuditor, keyof Auditor | 'away'> = {
    events,
    errors,
    recorded: (pattern: EventPattern = {}) => events.filter(event => matches(event, pattern)),
    clear: () => {
      events.length = 0;
      errors.length = 0;
    },
  };
  return Object.defineProperty(Object.assign(auditor, kit, { away: false }), 'away', {
    get: () => state.away,
    set: (away: boolean) => {
      state.away = away;
    },
  });
}

function memoryTransport(state: { readonly away: boolean }): Transport {
  return {
    open: async () => {
      if (state.away) throw new TransportError('refused', 'the test says that the brokers are away');
    },
    partitionOf: () => 0,
    send: async () => {
      if (state.away) throw new TransportError('refused', 'the test says that the brokers are away');
    },
    hold: () => undefined,
    close: async () => undefined,
  };
}
