/**
 * A spool before the sender: the queue of events is on disk. Every event is written first, many by one write and one sync, and
 * read from there to be sent, so that what an earlier process left and what was recorded now come the same way, in order. Nothing
 * that is on disk is given up, whatever the brokers say.
 *
 * `record` resolves when Kafka has the event; or, once the event is on disk, when the last attempt to send failed or Kafka has
 * taken longer than `waitMs`.
 */
import { AuditError, tell } from '../error.ts';
import { type Delivery, type Outgoing, Sender, type SenderSettings, sizeOf } from '../sender.ts';
import type { Transport, TransportError } from '../transport.ts';
import { SpoolError } from './error.ts';
import type { SpoolPlan } from './options.ts';
import type { Spooled } from './segment.ts';
import { Spool } from './spool.ts';

export interface SpoolDeliverySettings extends SenderSettings {
  readonly deliveryTimeoutMs: number;
  readonly onError: (error: AuditError) => void;
}

interface Waiting {
  readonly outgoing: Outgoing;
  readonly since: number;
}

/** Bytes of events that one write takes, at most. */
const GROUP_BYTES = 4_194_304;

export class SpoolDelivery implements Delivery {
  readonly #plan: SpoolPlan;
  readonly #settings: SpoolDeliverySettings;
  readonly #sender: Sender;
  readonly #opened: Promise<Spool | null>;
  #spool: Spool | undefined;
  #openUntil: number;
  /** Why the spool takes and gives nothing any more. */
  #broken: AuditError | undefined;
  /** Not on disk yet. */
  readonly #queue: Outgoing[] = [];
  #queuedBytes = 0;
  #writing = false;
  /** On disk, and not told yet: by their places, in order. */
  readonly #untold = new Map<string, Waiting>();
  #timer: NodeJS.Timeout | undefined;
  /** The last attempt failed. */
  #isAway = false;
  #wasRefused = false;
  #relaying = false;
  /** When what is sent is left in the spool instead. */
  #sendUntil = Number.POSITIVE_INFINITY;
  #isClosing = false;
  #changed: (() => void)[] = [];

  constructor(transport: Transport, settings: SpoolDeliverySettings, plan: SpoolPlan, schema: string) {
    this.#plan = plan;
    this.#settings = settings;
    // The sync has collected what came meanwhile.
    this.#sender = new Sender(transport, { ...settings, lingerMs: 0, failing: error => this.#onFailing(error) });
    this.#openUntil = Date.now() + settings.deliveryTimeoutMs;
    this.#opened = this.#open(schema);
  }

  get delivered(): number {
    return this.#sender.delivered;
  }

  get pending(): number {
    return this.#queue.length + this.spooled;
  }

  get spooled(): number {
    return this.#spool?.unsent ?? 0;
  }

  get retries(): number {
    return this.#sender.retries;
  }

  checkRoom(eventId: string, bytes: number): void {
    if (this.#broken !== undefined) throw this.#broken;
    const { maxQueuedEvents, maxQueuedBytes } = this.#settings;
    if (this.#queue.length >= maxQueuedEvents || this.#queuedBytes + bytes > maxQueuedBytes) {
      const message = `${this.#queue.length} events (${this.#queuedBytes} bytes) wait to be spooled`;
      throw new AuditError('queue-full', message, { eventId });
    }
    const room = (this.#spool?.room ?? this.#plan.maxBytes) - this.#queuedBytes;
    if (this.#plan.whenFull === 'fail' && bytes > room) throw this.#full(eventId);
  }

  push(outgoing: Outgoing): void {
    this.#queue.push(outgoing);
    this.#queuedBytes += sizeOf(outgoing);
    if (!this.#writing) void this.#write();
  }

  async drain(): Promise<void> {
    // Before that it is not known what was left.
    await this.#opened;
    await this.#until(() => this.pending === 0);
  }

  async settle(deadline: number): Promise<void> {
    this.#isClosing = true;
    this.#openUntil = Math.min(this.#openUntil, deadline);
    for (const outgoing of this.#queue) outgoing.deadline = Math.min(outgoing.deadline, deadline);
    this.#tellStored();
    this.#change();
    await this.#until(() => this.#queue.length === 0);
  }

  async close(deadline: number): Promise<void> {
    const spool = await this.#opened;
    this.#sendUntil = deadline;
    this.#sender.hurry(deadline);
    await this.#until(() => this.pending === 0 || Date.now() >= deadline);
    await this.#sender.close(deadline);
    await this.#until(() => !this.#relaying);
    clearTimeout(this.#timer);
    await spool?.close().catch(error => this.#break(error));
  }

  async #open(schema: string): Promise<Spool | null> {
    const { directory, maxBytes } = this.#plan;
    try {
      this.#spool = await Spool.open({ directory, maxBytes, schema }, () => Date.now() < this.#openUntil);
      void this.#relay(this.#spool);
      return this.#spool;
    } catch (error) {
      this.#break(error);
      return null;
    }
  }

  /** Writes what is queued, group by group. */
  async #write(): Promise<void> {
    this.#writing = true;
    const spool = await this.#opened;
    while (this.#queue.length > 0) {
      if (spool === null || this.#broken !== undefined) this.#failQueued(this.#queue.length, this.#broken);
      else await this.#writeGroup(spool);
    }
    this.#writing = false;
    this.#change();
  }

  async #writeGroup(spool: Spool): Promise<void> {
    const group = this.#nextGroup(spool);
    const [first] = this.#queue;
    if (group.length > 0) await this.#append(spool, group);
    else if (first !== undefined) await this.#waitForRoom(first);
  }

  /** What there is room for, in order: an event that has to wait holds up those behind it. */
  #nextGroup(spool: Spool): Outgoing[] {
    let bytes = 0;
    const end = this.#queue.findIndex(outgoing => {
      bytes += sizeOf(outgoing);
      return bytes > Math.min(GROUP_BYTES, spool.room) && !(outgoing.last && bytes <= GROUP_BYTES);
    });
    return this.#queue.slice(0, end === -1 ? undefined : end);
  }

  async #waitForRoom(first: Outgoing): Promise<void> {
    const left = this.#plan.whenFull === 'wait' ? first.deadline - Date.now() : 0;
    if (left <= 0) return this.#failQueued(1, this.#full(first.id));
    const timer = setTimeout(() => this.#change(), left);
    await this.#nextChange();
    clearTimeout(timer);
  }

  async #append(spool: Spool, group: readonly Outgoing[]): Promise<void> {
    try {
      const places = await spool.append(group);
      this.#takeQueued(group.length);
      const since = Date.now();
      places.forEach((place, index) => {
        const outgoing = group[index];
        if (outgoing !== undefined) this.#untold.set(place, { outgoing, since });
      });
      const isMany = this.#untold.size > this.#settings.maxQueuedEvents;
      if (this.#isAway || this.#isClosing || isMany) this.#tellStored();
      this.#setTimer();
      void this.#relay(spool);
    } catch (error) {
      const isUncertain = error instanceof SpoolError && error.code === 'uncertain';
      const message = `The event could not be spooled: ${textOf(error)}`;
      const code = isUncertain ? 'unknown-outcome' : 'not-sent';
      for (const outgoing of this.#takeQueued(group.length))
        outgoing.failed(new AuditError(code, message, { eventId: outgoing.id, cause: error }));
      if (isUncertain) this.#break(error);
    }
  }

  /** Hands the sender what is on disk, as far as it has room. */
  async #relay(spool: Spool): Promise<void> {
    if (this.#relaying) return;
    this.#relaying = true;
    try {
      while (!spool.isRead && this.#broken === undefined && Date.now() < this.#sendUntil && this.#sender.hasRoom(0)) {
        for (const event of await spool.read()) this.#sender.push(this.#outgoing(spool, event));
      }
    } catch (error) {
      this.#break(error);
    }
    this.#relaying = false;
    this.#change();
  }

  #outgoing(spool: Spool, event: Spooled): Outgoing {
    const { id, key, headers, datum, schema, place } = event;
    return {
      id,
      key,
      headers,
      datum,
      schema,
      last: false,
      deadline: this.#sendUntil,
      delivered: () => {
        this.#isAway = false;
        spool.markSent(event);
        // While an event is refused it is here, whatever other partitions take.
        if (spool.unsent === 0) this.#wasRefused = false;
        this.#untold.get(place)?.outgoing.delivered();
        this.#untold.delete(place);
        this.#change();
        void this.#relay(spool);
      },
      // It stays on disk, and is sent by the next process that has this spool.
      failed: () => this.#change(),
    };
  }

  #onFailing(error: TransportError): void {
    this.#isAway = true;
    this.#tellStored();
    if (this.#wasRefused || (error.outcome !== 'refused' && error.outcome !== 'too-large')) return;
    // Nobody may be waiting for an answer any more, and it will not help to wait longer.
    this.#wasRefused = true;
    const message = `The brokers refuse what is spooled, which stays there until they take it: ${error.message}`;
    tell(this.#settings.onError, new AuditError('not-sent', message, { cause: error }));
  }

  /** Whoever waits for events that are on disk is told that they are safe: all, or those that have waited long enough. */
  #tellStored(before = Number.POSITIVE_INFINITY): void {
    for (const [place, { outgoing, since }] of this.#untold) {
      if (since > before) break;
      this.#untold.delete(place);
      outgoing.delivered();
    }
  }

  /** One timer, for the event that has waited longest. */
  #setTimer(): void {
    const [first] = this.#untold.values();
    if (this.#timer !== undefined || first === undefined) return;
    const { waitMs } = this.#plan;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#tellStored(Date.now() - waitMs);
        this.#setTimer();
      },
      first.since + waitMs - Date.now(),
    );
  }

  #takeQueued(count: number): Outgoing[] {
    const taken = this.#queue.splice(0, count);
    for (const outgoing of taken) this.#queuedBytes -= sizeOf(outgoing);
    this.#change();
    return taken;
  }

  #failQueued(count: number, error: AuditError | undefined): void {
    const why = error ?? new AuditError('spool-unusable', 'The spool is closed');
    for (const outgoing of this.#takeQueued(count)) outgoing.failed(why);
  }

  #full(eventId: string): AuditError {
    const { directory, maxBytes } = this.#plan;
    const held = `${directory} holds ${this.spooled} events that Kafka has not taken`;
    return new AuditError('spool-full', `${held}, and has no room for more in ${maxBytes} bytes`, { eventId });
  }

  /** What is on disk stays there; who waited for Kafka has at least that. */
  #break(error: unknown): void {
    if (this.#broken !== undefined) return;
    this.#broken = new AuditError('spool-unusable', `The spool can't be used: ${textOf(error)}`, { cause: error });
    this.#tellStored();
    tell(this.#settings.onError, this.#broken);
    this.#change();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && this.#broken === undefined) await this.#nextChange();
  }

  #nextChange(): Promise<void> {
    return new Promise(resolve => this.#changed.push(resolve));
  }

  #change(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
