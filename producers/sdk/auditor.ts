/**
 * The auditor of a service: checks an event at the call, numbers it, and hands it to the sender. Everything up to the
 * number is done before the call returns, so that numbers follow the order of calls and an invalid event leaves no hole.
 * `record` tells its caller what became of the event; `emit` never disturbs its caller.
 */
import type { Declarations } from '../../core/catalogue/index.ts';
import { AUDIT_ACTIONS, defaultKey, INSTANCE_HEADER, SEQUENCE_HEADER } from '../../core/event/index.ts';
import { DatumWriter, writeEvent } from '../../schemas/index.ts';
import type { AuditEvent, Origin, Producer } from '../../schemas/types.ts';
import { type AroundOptions, runAround } from './around.ts';
import { type ChangeOptions, changeEvent } from './change.ts';
import { AuditError, asAuditError, checkSize, invalidEvent, tell } from './error.ts';
import type { AuditInput, TargetInput } from './input.ts';
import type { Mask } from './masking.ts';
import { Numbering } from './numbering.ts';
import { readInput } from './read-input.ts';
import { describe } from './reading.ts';
import { type AuditScope, keepInside, Scopes } from './scope.ts';
import { type Delivery, type Outgoing, Sender, type SenderSettings, sizeOf } from './sender.ts';
import { activeTraceParent } from './trace.ts';
import type { Transport } from './transport.ts';

/** Counts since the auditor was made. */
export interface AuditorStats {
  /** Passed every check and got a number. */
  readonly accepted: number;
  /** All in-sync replicas have them. */
  readonly delivered: number;
  /** Refused at the call: invalid, too large, queue full, closed. */
  readonly rejected: number;
  /** Accepted and then given up. */
  readonly failed: number;
  /** Failures of `emit`, which nobody awaits: those that `onError` was told. */
  readonly emitFailures: number;
  /** Wait to be sent or acknowledged. */
  readonly pending: number;
  /** Of these, the events that are in the spool: with those that earlier processes left there. */
  readonly spooled: number;
  /** Requests that had to be tried again. */
  readonly retries: number;
}

/** `Input`: what may be recorded; with declared actions, these alone. */
export interface Auditor<Input extends { readonly action: string } = AuditInput> {
  /**
   * Resolves with the event's id when all in-sync replicas have it; with a spool, while Kafka is away, when it is on
   * disk. Rejects with AuditError: at once with code invalid-event, too-large, queue-full, spool-full, spool-unusable or
   * closed; later with not-sent or unknown-outcome.
   */
  record(event: Input): Promise<string>;
  /** Records without waiting: returns at once and never throws. Failures go to `onError` and to the counters. */
  emit(event: Input): void;
  /**
   * Runs `fn` in a scope: every event recorded in it, at whatever depth and after whatever `await`, has what the scope
   * says, unless it says so itself. A scope within a scope adds to it. Answers what `fn` answers.
   */
  with<T>(scope: AuditScope, fn: () => T): T;
  /** Adds to the scope that is open, such as the actor once it is known; false where none is open. */
  amend(more: AuditScope): boolean;
  /**
   * Runs `fn` and records how it ended: success, denied (see `Denied`) or failure. What it answers or throws is passed on
   * as it is. The event is emitted; with `via: 'record'` it is waited for, and a success that can't be recorded rejects
   * with AuditError.
   */
  around<T>(
    action: Input['action'],
    target: TargetInput | readonly TargetInput[],
    fn: () => T | PromiseLike<T>,
    options?: AroundOptions,
  ): Promise<T>;
  /**
   * Records the fields that differ, as `record` does, under the action `<type>.change`; where a side is undefined or
   * null, under `<type>.create` or `<type>.delete`. Of secret fields only that they changed. Resolves with the event's
   * id; with null, and nothing is recorded, where nothing differs.
   */
  change(target: TargetInput, before: unknown, after: unknown, options?: ChangeOptions): Promise<string | null>;
  /** Resolves when nothing waits any more, also not in the spool. */
  flush(): Promise<void>;
  /**
   * Sends what waits, says that this instance ends, and disconnects; never rejects. What can't be sent within
   * `timeoutMs` (default 20 000) is given up, and told as any failure; or stays in the spool, for the next process.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  stats(): AuditorStats;
  /** Id of this producer instance, under which its events are numbered. */
  readonly instance: string;
}

export interface AuditorSettings extends SenderSettings {
  readonly origin: Origin;
  readonly instance: string;
  readonly deliveryTimeoutMs: number;
  readonly maxEventBytes: number;
  readonly maxQueuedEvents: number;
  readonly maxQueuedBytes: number;
  readonly reserved: boolean;
  readonly mask: Mask;
  /** The actions that may be recorded; undefined: any. */
  readonly declarations?: Declarations | undefined;
  /** Whether the values of a field of that name are never recorded by `change`. */
  readonly isSecretField: (name: string) => boolean;
  readonly key: (event: AuditEvent) => string;
  readonly onError: (error: AuditError) => void;
  /** Told of each event that got a number, at the call: for tests. */
  readonly accepted?: ((event: AuditEvent) => void) | undefined;
  readonly newId: () => string;
  readonly now: () => number;
}

/** An auditor over a transport, or over another way to deliver than at once. */
export function auditorOver(
  transport: Transport,
  settings: AuditorSettings,
  delivery: Delivery = new Sender(transport, settings),
): Auditor {
  return new DeliveringAuditor(delivery, settings);
}

type Settle = { delivered(id: string): void; failed(error: AuditError): void };

class DeliveringAuditor implements Auditor {
  readonly #settings: AuditorSettings;
  readonly #delivery: Delivery;
  readonly #numbering: Numbering;
  readonly #writer = new DatumWriter();
  readonly #scopes = new Scopes();
  readonly #counts = { accepted: 0, rejected: 0, failed: 0, emitFailures: 0 };
  #closing: Promise<void> | undefined;

  constructor(delivery: Delivery, settings: AuditorSettings) {
    this.#settings = settings;
    this.#delivery = delivery;
    this.#numbering = new Numbering(settings.instance);
    const { origin, isSecretField } = settings;
    keepInside(this, { scopes: this.#scopes, origin, isSecretField, failed: error => this.#failEmit(error) });
  }

  get instance(): string {
    return this.#numbering.instance;
  }

  record(input: AuditInput): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#accept(input, { delivered: resolve, failed: reject });
    });
  }

  emit(input: AuditInput): void {
    this.#accept(input, {
      delivered: () => undefined,
      failed: error => this.#failEmit(error),
    });
  }

  with<T>(scope: AuditScope, fn: () => T): T {
    return this.#scopes.run(this.#scopes.open(scope), fn);
  }

  amend(more: AuditScope): boolean {
    return this.#scopes.amend(more);
  }

  around<T>(
    action: string,
    target: TargetInput | readonly TargetInput[],
    fn: () => T | PromiseLike<T>,
    options: AroundOptions = {},
  ): Promise<T> {
    return runAround(this, { action, target, fn, options, failed: error => this.#failEmit(error) });
  }

  async change(
    target: TargetInput,
    before: unknown,
    after: unknown,
    options: ChangeOptions = {},
  ): Promise<string | null> {
    const event = changeEvent(target, before, after, options, this.#settings.isSecretField);
    return event === null ? null : this.record(event);
  }

  async flush(): Promise<void> {
    await this.#delivery.drain();
  }

  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#end(options.timeoutMs ?? 20_000);
    return this.#closing;
  }

  stats(): AuditorStats {
    const { delivered, pending, spooled, retries } = this.#delivery;
    return { ...this.#counts, delivered, pending, spooled, retries };
  }

  #accept(input: unknown, settle: Settle): void {
    try {
      if (this.#closing !== undefined) throw new AuditError('closed', 'The auditor is closed: record before close()');
      const { origin, newId, now, reserved, mask, declarations } = this.#settings;
      const scope = this.#scopes.current;
      const traceParent = activeTraceParent();
      const event = mask(readInput(input, { origin, id: newId, now, reserved, scope, traceParent, declarations }));
      this.#number(event, this.#keyOf(event), false, Date.now() + this.#settings.deliveryTimeoutMs, settle);
    } catch (thrown) {
      this.#counts.rejected += 1;
      settle.failed(asAuditError(thrown));
    }
  }

  /** Encodes the event with the next number, and takes the number only where nothing speaks against the event. */
  #number(event: AuditEvent, key: string, last: boolean, deadline: number, settle: Settle): void {
    const producer = this.#numbering.peek(last);
    const outgoing: Outgoing = {
      id: event.id,
      key,
      datum: writeEvent(this.#writer, { ...event, producer }),
      headers: { [INSTANCE_HEADER]: producer.instance, [SEQUENCE_HEADER]: String(producer.sequence) },
      deadline,
      last,
      delivered: () => settle.delivered(event.id),
      failed: error => {
        this.#abandon(producer);
        settle.failed(error);
      },
    };
    const bytes = sizeOf(outgoing);
    checkSize(event.id, bytes, this.#settings.maxEventBytes);
    // What says that the instance ends is never turned away: there is one, and it is small.
    if (!last) this.#delivery.checkRoom(event.id, bytes);
    this.#numbering.take();
    this.#counts.accepted += 1;
    this.#delivery.push(outgoing);
    if (!last) this.#settings.accepted?.(event);
  }

  #keyOf(event: AuditEvent): string {
    const expected = 'a well-formed text from the key function';
    let key: unknown;
    try {
      key = this.#settings.key(event);
    } catch (error) {
      throw invalidEvent([{ field: 'key', found: 'a key function that throws', expected }], error);
    }
    if (typeof key === 'string' && key.isWellFormed()) return key;
    throw invalidEvent([{ field: 'key', found: describe(key), expected }]);
  }

  #abandon(producer: Producer): void {
    this.#counts.failed += 1;
    this.#numbering.abandon(producer);
  }

  async #end(timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    await this.#delivery.settle(deadline);
    // Only now is it known what was abandoned, and only an instance that has numbers has an end.
    if (this.#numbering.taken > 0) await this.#sayLast(Math.max(deadline, Date.now() + 2000));
    await this.#delivery.close(deadline);
  }

  #sayLast(deadline: number): Promise<void> {
    return new Promise(resolve => {
      const failed = (error: AuditError): void => {
        tell(this.#settings.onError, error);
        resolve();
      };
      try {
        const event = this.#closingEvent();
        this.#number(event, defaultKey(event), true, deadline, { delivered: () => resolve(), failed });
        void this.#delivery.drain();
      } catch (thrown) {
        failed(asAuditError(thrown));
      }
    });
  }

  #closingEvent(): AuditEvent {
    const { newId, now, origin } = this.#settings;
    return {
      id: newId(),
      occurredAt: now(),
      action: AUDIT_ACTIONS.close,
      outcome: 'success',
      tenant: null,
      actor: null,
      targets: [{ type: 'producer-instance', id: this.instance, name: null, person: false, changes: [] }],
      origin,
      producer: null,
      request: null,
      change: null,
      reason: null,
      corrects: null,
      attributes: [],
    };
  }

  /** A failure that nobody awaits. */
  #failEmit(error: AuditError): void {
    this.#counts.emitFailures += 1;
    tell(this.#settings.onError, error);
  }
}
