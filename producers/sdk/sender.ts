/**
 * Sends what was accepted: batched, in order within each partition, one request at a time. A batch whose outcome is
 * unknown is sent again as it is, with its ids and numbers (what arrives twice is reported as doubled, never as two
 * events), until the delivery timeout; a partition that fails waits without holding up the others.
 */
import { AuditError } from './error.ts';
import { type OutgoingMessage, type Transport, TransportError, type Unsent } from './transport.ts';

export interface SenderSettings {
  readonly lingerMs: number;
  readonly maxBatchBytes: number;
  readonly requestTimeoutMs: number;
  readonly retryMs: { readonly first: number; readonly longest: number };
  readonly maxQueuedEvents: number;
  readonly maxQueuedBytes: number;
  /** Told of each attempt that fails. Whoever listens has the events elsewhere: none is given up for what is answered. */
  readonly failing?: ((error: TransportError) => void) | undefined;
}

/** An accepted event on its way; settled exactly once. */
export interface Outgoing extends OutgoingMessage {
  readonly id: string;
  /** Milliseconds of the clock when it is given up. */
  deadline: number;
  /** Says that its instance ends: is never turned away for want of room. */
  readonly last: boolean;
  delivered(): void;
  /** `not-sent`, `too-large` or `unknown-outcome`. */
  failed(error: AuditError): void;
}

/** What takes accepted events and sees that they arrive: the sender alone, or a spool before it. */
export interface Delivery {
  /** Events that all in-sync replicas have; that wait; and of these, that are on disk. */
  readonly delivered: number;
  readonly pending: number;
  readonly spooled: number;
  /** Requests that had to be tried again. */
  readonly retries: number;
  /** Throws AuditError where there is no room for so many bytes more. */
  checkRoom(eventId: string, bytes: number): void;
  push(outgoing: Outgoing): void;
  /** Resolves when nothing waits any more; does not linger until then. */
  drain(): Promise<void>;
  /** Resolves when it is known of all events which are given up; the deadline ends what waits for that. */
  settle(deadline: number): Promise<void>;
  /** Sends what still waits until the deadline, and ends all connections; never rejects. */
  close(deadline: number): Promise<void>;
}

interface Entry {
  readonly outgoing: Outgoing;
  readonly bytes: number;
  /** Was part of a request whose outcome is unknown. */
  uncertain: boolean;
}

interface Lane {
  readonly entries: Entry[];
  notBefore: number;
  failures: number;
}

/** Bytes that a record takes beside key and value, generously: lengths, offsets, headers. */
const OVERHEAD = 200;

export const sizeOf = (message: OutgoingMessage): number => message.datum.length + message.key.length * 3 + OVERHEAD;

export class Sender implements Delivery {
  readonly #transport: Transport;
  readonly #settings: SenderSettings;
  /** Accepted, but not dealt to a partition yet: their number is known only once the transport is open. */
  #intake: Entry[] = [];
  readonly #lanes = new Map<number, Lane>();
  #opening: Lane = { entries: [], notBefore: 0, failures: 0 };
  /** None is on disk. */
  readonly spooled = 0;
  #delivered = 0;
  #pending = 0;
  #pendingBytes = 0;
  #batchBytes: number;
  #running = false;
  #retries = 0;
  #hurried = false;
  #lastProblem = 'no attempt was made';
  #wake: (() => void) | undefined;
  #idle: (() => void)[] = [];

  constructor(transport: Transport, settings: SenderSettings) {
    this.#transport = transport;
    this.#settings = settings;
    this.#batchBytes = settings.maxBatchBytes;
  }

  get delivered(): number {
    return this.#delivered;
  }

  get pending(): number {
    return this.#pending;
  }

  get retries(): number {
    return this.#retries;
  }

  hasRoom(bytes: number): boolean {
    const { maxQueuedEvents, maxQueuedBytes } = this.#settings;
    return this.#pending < maxQueuedEvents && this.#pendingBytes + bytes <= maxQueuedBytes;
  }

  checkRoom(eventId: string, bytes: number): void {
    if (this.hasRoom(bytes)) return;
    const waiting = `${this.#pending} events (${this.#pendingBytes} bytes)`;
    const message = `${waiting} wait to be sent: the brokers are away or too slow`;
    throw new AuditError('queue-full', message, { eventId });
  }

  push(outgoing: Outgoing): void {
    const bytes = sizeOf(outgoing);
    this.#intake.push({ outgoing, bytes, uncertain: false });
    this.#pending += 1;
    this.#pendingBytes += bytes;
    if (this.#running) this.#wake?.();
    else void this.#run();
  }

  async drain(): Promise<void> {
    if (this.#pending === 0) return;
    this.#hurried = true;
    this.#wake?.();
    await new Promise<void>(resolve => this.#idle.push(resolve));
  }

  /** Nothing that waits now is tried for longer than this. */
  hurry(deadline: number): void {
    for (const { outgoing } of this.#all()) outgoing.deadline = Math.min(outgoing.deadline, deadline);
    this.#wake?.();
  }

  async settle(deadline: number): Promise<void> {
    this.hurry(deadline);
    await this.drain();
  }

  async close(deadline: number): Promise<void> {
    await this.settle(deadline);
    await this.#transport.close();
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.#transport.hold(true);
    if (!this.#hurried) await this.#pause(this.#settings.lingerMs, false);
    while (this.#pending > 0) {
      this.#expire();
      const wait = await this.#step();
      if (wait > 0 && this.#pending > 0) await this.#pause(wait, true);
    }
    this.#running = false;
    this.#hurried = false;
    this.#transport.hold(false);
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** One request; returns how long there is nothing to do before the next. */
  async #step(): Promise<number> {
    const now = Date.now();
    if (this.#opening.notBefore > now) return this.#untilNext(this.#opening.notBefore, now);
    if (this.#pending === 0) return 0;
    const timeoutMs = this.#timeout(this.#all()[0]);
    try {
      await this.#transport.open(timeoutMs);
      this.#deal();
      this.#opening.failures = 0;
    } catch (error) {
      this.#failOpening(asTransportError(error, 'unsent'), timeoutMs);
      return 0;
    }
    const next = this.#nextLane();
    if (next === undefined) {
      const soonest = Math.min(...[...this.#lanes.values()].map(lane => lane.notBefore));
      return this.#untilNext(soonest, Date.now());
    }
    await this.#sendFrom(next.partition, next.lane);
    return 0;
  }

  #deal(): void {
    let dealt = 0;
    try {
      for (const entry of this.#intake) {
        const partition = this.#transport.partitionOf(entry.outgoing.key);
        const lane = this.#lanes.get(partition) ?? { entries: [], notBefore: 0, failures: 0 };
        lane.entries.push(entry);
        this.#lanes.set(partition, lane);
        dealt += 1;
      }
    } finally {
      this.#intake.splice(0, dealt);
    }
  }

  /** A lane that may send, and its turn at the end: no lane starves another. */
  #nextLane(): { partition: number; lane: Lane } | undefined {
    const now = Date.now();
    for (const [partition, lane] of this.#lanes) {
      if (lane.notBefore > now) continue;
      this.#lanes.delete(partition);
      this.#lanes.set(partition, lane);
      return { partition, lane };
    }
    return undefined;
  }

  async #sendFrom(partition: number, lane: Lane): Promise<void> {
    const batch = this.#head(lane);
    const timeoutMs = this.#timeout(batch[0]);
    let unsent: Unsent | undefined;
    try {
      const messages = batch.map(entry => entry.outgoing);
      unsent = await this.#transport.send(partition, messages, timeoutMs);
    } catch (thrown) {
      const error = asTransportError(thrown, 'unknown');
      this.#note(error, lane, timeoutMs);
      this.#failSending(lane, batch, error);
      this.#forgetEmpty(partition, lane);
      return;
    }
    lane.failures = 0;
    lane.entries.splice(0, batch.length);
    if (unsent !== undefined && unsent.size > 0) this.#takeBack(lane, batch, unsent);
    this.#forgetEmpty(partition, lane);
    for (const entry of batch) {
      if (unsent?.has(entry.outgoing)) continue;
      this.#settle(entry);
      this.#delivered += 1;
      entry.outgoing.delivered();
    }
  }

  /** What was refused is given up; the rest is sent again. */
  #takeBack(lane: Lane, batch: readonly Entry[], unsent: Unsent): void {
    const again: Entry[] = [];
    let last: TransportError | undefined;
    for (const entry of batch) {
      const error = unsent.get(entry.outgoing);
      if (error === undefined) continue;
      this.#lastProblem = error.message;
      if (error.outcome === 'refused' && this.#givesUp) this.#giveUp(entry, error);
      else {
        if (error.outcome === 'unknown') entry.uncertain = true;
        again.push(entry);
        last = error;
      }
    }
    lane.entries.unshift(...again);
    if (last) this.#backOff(lane, last);
  }

  #head(lane: Lane): Entry[] {
    let bytes = 0;
    const end = lane.entries.findIndex((entry, index) => {
      bytes += entry.bytes;
      return index > 0 && bytes > this.#batchBytes;
    });
    return lane.entries.slice(0, end === -1 ? undefined : end);
  }

  /** What an event that is given up says: not that its last attempt, cut short by its deadline, had no answer in so little time. */
  #note(error: TransportError, { failures }: Lane, timeoutMs: number): void {
    if (failures === 0 || timeoutMs >= this.#settings.requestTimeoutMs) this.#lastProblem = error.message;
  }

  #failOpening(error: TransportError, timeoutMs: number): void {
    this.#note(error, this.#opening, timeoutMs);
    if (error.outcome === 'refused' && this.#givesUp) {
      for (const entry of this.#all()) this.#giveUp(entry, error);
      this.#intake = [];
      this.#lanes.clear();
    } else this.#backOff(this.#opening, error);
  }

  #failSending(lane: Lane, batch: Entry[], error: TransportError): void {
    const only = batch[0];
    if (error.outcome === 'too-large' && batch.length > 1) {
      this.#batchBytes = Math.floor(batch.reduce((sum, entry) => sum + entry.bytes, 0) / 2);
    } else if (error.outcome === 'too-large' && only !== undefined && this.#givesUp) {
      lane.entries.shift();
      this.#giveUp(only, error);
    } else if (error.outcome === 'refused' && this.#givesUp) {
      lane.entries.splice(0, batch.length);
      for (const entry of batch) this.#giveUp(entry, error);
    } else {
      if (error.outcome === 'unknown') for (const entry of batch) entry.uncertain = true;
      this.#backOff(lane, error);
    }
  }

  get #givesUp(): boolean {
    return this.#settings.failing === undefined;
  }

  /** Doubled at each failure in a row, with jitter: services that lost a broker together do not come back together. */
  #backOff(lane: Lane, error: TransportError): void {
    this.#settings.failing?.(error);
    const { first, longest } = this.#settings.retryMs;
    const wait = Math.min(longest, first * 2 ** Math.min(lane.failures, 16));
    lane.failures += 1;
    lane.notBefore = Date.now() + Math.max(error.retryAfterMs ?? 0, wait * (0.5 + Math.random() / 2));
    this.#retries += 1;
  }

  /** Gives up what is past its deadline. Deadlines rise along a lane, so that order is kept. */
  #expire(): void {
    const now = Date.now();
    const expired = (entry: Entry): boolean => entry.outgoing.deadline <= now;
    for (const entries of [this.#intake, ...[...this.#lanes.values()].map(lane => lane.entries)]) {
      const first = entries.findIndex(entry => !expired(entry));
      const gone = entries.splice(0, first === -1 ? entries.length : first);
      for (const entry of gone) this.#giveUp(entry, undefined);
    }
    for (const [partition, lane] of this.#lanes) this.#forgetEmpty(partition, lane);
  }

  #giveUp(entry: Entry, error: TransportError | undefined): void {
    this.#settle(entry);
    const { id } = entry.outgoing;
    const why = error?.message ?? this.#lastProblem;
    const details = { eventId: id, cause: error };
    if (error?.outcome === 'too-large') {
      entry.outgoing.failed(
        new AuditError('too-large', `Event ${id} is larger than the brokers take: ${why}`, details),
      );
    } else if (entry.uncertain) {
      const message = `Event ${id} was sent, but nobody answered for it: ${why}`;
      entry.outgoing.failed(new AuditError('unknown-outcome', message, details));
    } else {
      entry.outgoing.failed(new AuditError('not-sent', `Event ${id} could not be sent: ${why}`, details));
    }
  }

  #settle(entry: Entry): void {
    this.#pending -= 1;
    this.#pendingBytes -= entry.bytes;
  }

  #forgetEmpty(partition: number, lane: Lane): void {
    if (lane.entries.length === 0) this.#lanes.delete(partition);
  }

  #all(): Entry[] {
    return [...[...this.#lanes.values()].flatMap(lane => lane.entries), ...this.#intake];
  }

  /** No attempt outlives the event that waits longest by much. */
  #timeout(oldest: Entry | undefined): number {
    const left = (oldest?.outgoing.deadline ?? 0) - Date.now();
    return Math.max(500, Math.min(this.#settings.requestTimeoutMs, left));
  }

  #untilNext(notBefore: number, now: number): number {
    const soonest = Math.min(notBefore, ...this.#all().map(entry => entry.outgoing.deadline));
    return Math.max(1, soonest - now);
  }

  /** The timer holds the process: something waits to be sent. A wake ends the pause early. */
  #pause(ms: number, wakeOnPush: boolean): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = () => {
        if (wakeOnPush || this.#hurried) done();
      };
    });
  }
}

function asTransportError(error: unknown, outcome: 'unsent' | 'unknown'): TransportError {
  if (error instanceof TransportError) return error;
  return new TransportError(outcome, error instanceof Error ? error.message : String(error), { cause: error });
}
