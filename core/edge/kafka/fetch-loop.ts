// Fetches the partitions that a program owns and hands their batches out: one request in flight a broker, two batches in wait a
// partition, one batch at a time in a partition's hands. A slot knows its own position, so nothing that was fetched for an
// earlier assignment can reach a later one.

import type { Logger } from 'pino';
import type { FetchedBatch } from './batch.ts';
import { describeError, KafkaError } from './error.ts';
import { type FetchClient, type FetchLimits, isOutOfRange } from './fetch-client.ts';

/** A partition that is being fetched, from the moment it is added until `close`. */
export interface Slot {
  readonly partition: number;
  /** Takes no further batch; resolves when the one in hand is done. */
  close(): Promise<void>;
}

interface OpenSlot {
  readonly partition: number;
  readonly onBatch: (batch: FetchedBatch) => Promise<void>;
  readonly onError: (error: unknown) => void;
  position: bigint;
  readonly queue: FetchedBatch[];
  inFlight: boolean;
  closed: boolean;
  handing: Promise<void> | null;
}

const queueLimit = 2;
const retryDelayMs = 200;

export class FetchLoop {
  readonly #client: FetchClient;
  readonly #topic: string;
  readonly #limits: FetchLimits;
  readonly #log: Logger;
  readonly #slots = new Map<number, OpenSlot>();
  readonly #busy = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #answeredAt = Date.now();

  constructor(client: FetchClient, topic: string, limits: FetchLimits, log: Logger) {
    this.#client = client;
    this.#topic = topic;
    this.#limits = limits;
    this.#log = log;
  }

  /** When a broker last answered a fetch, or more was read of its answer, ms; the watchdog looks at it. */
  get answeredAt(): number {
    return Math.max(this.#answeredAt, this.#client.readAt);
  }

  /** Whether there is a partition to fetch that could take a batch: if so, answers are to be expected. */
  get wanting(): boolean {
    return [...this.#slots.values()].some(isOpen);
  }

  /** Fetches a partition from `position` on. `onError` is told once: of a batch that could not be handled, or of a hole. */
  open(partition: number, position: bigint, onBatch: OpenSlot['onBatch'], onError: (error: unknown) => void): Slot {
    const slot: OpenSlot = {
      partition,
      onBatch,
      onError: error => {
        slot.closed = true;
        onError(error);
      },
      position,
      queue: [],
      inFlight: false,
      closed: false,
      handing: null,
    };
    this.#slots.set(partition, slot);
    this.#answeredAt = Date.now();
    this.#pump();
    return {
      partition,
      close: async () => {
        slot.closed = true;
        slot.queue.length = 0;
        if (this.#slots.get(partition) === slot) {
          this.#slots.delete(partition);
          this.#client.forget(this.#topic, partition);
        }
        await slot.handing;
      },
    };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Starts a fetch at each broker that has none in flight and leads a partition which can take more. */
  #pump(): void {
    if (this.#closed) return;
    const open = [...this.#slots.values()].filter(isOpen);
    if (open.length === 0) return;
    let leaders: Map<string, number[]>;
    try {
      const partitions = open.map(slot => slot.partition);
      leaders = this.#client.leaders(this.#topic, partitions);
    } catch (error) {
      this.#retry(error);
      return;
    }
    if (leaders.size === 0) this.#retry(new Error('no partition has a leader'));
    // While some wait for room, others must not hold the connection in a long poll.
    const waiting = open.length < this.#slots.size;
    const maxWaitMs = waiting ? Math.min(20, this.#limits.maxWaitMs) : this.#limits.maxWaitMs;
    for (const [node, partitions] of leaders) {
      if (this.#busy.has(node)) continue;
      const slots = open.filter(slot => partitions.includes(slot.partition) && !slot.inFlight);
      if (slots.length > 0) void this.#fetch(node, slots, maxWaitMs);
    }
  }

  async #fetch(node: string, slots: readonly OpenSlot[], maxWaitMs: number): Promise<void> {
    this.#busy.add(node);
    for (const slot of slots) slot.inFlight = true;
    let failure: unknown;
    try {
      const positions = new Map(slots.map(slot => [slot.partition, slot.position]));
      const batches = await this.#client.fetch(node, this.#topic, positions, { ...this.#limits, maxWaitMs });
      this.#answeredAt = Date.now();
      for (const batch of batches) {
        const slot = slots.find(({ partition }) => partition === batch.partition);
        if (slot) this.#take(slot, batch);
      }
    } catch (error) {
      failure = error;
    }
    for (const slot of slots) slot.inFlight = false;
    this.#busy.delete(node);
    if (failure === undefined) this.#pump();
    else await this.#explain(failure, slots);
  }

  #take(slot: OpenSlot, batch: FetchedBatch): void {
    if (slot.closed || batch.first !== slot.position) return;
    slot.position = batch.next;
    slot.queue.push(batch);
    slot.handing ??= this.#handOut(slot);
  }

  async #handOut(slot: OpenSlot): Promise<void> {
    try {
      for (let batch = slot.queue.shift(); batch && !slot.closed; batch = slot.queue.shift()) {
        this.#pump(); // there is room for the next one
        await slot.onBatch(batch);
      }
    } catch (error) {
      if (!slot.closed) slot.onError(error);
    } finally {
      slot.handing = null;
    }
  }

  async #explain(error: unknown, slots: readonly OpenSlot[]): Promise<void> {
    if (isOutOfRange(error)) {
      const slot = slots.find(({ partition }) => partition === error.partition);
      try {
        if (slot && !slot.closed) await this.#leap(slot);
        this.#pump();
      } catch (cause) {
        this.#retry(cause);
      }
    } else if (error instanceof KafkaError && error.code === 'hole') {
      // One partition of the answer has it: asked alone, it tells which.
      for (const slot of slots) {
        if (slot.closed) continue;
        const alone = this.#client.fetchOne(this.#topic, slot.partition, slot.position);
        const batch = await alone.catch((cause: unknown) => void slot.onError(cause));
        if (batch) this.#take(slot, batch);
      }
      this.#pump();
    } else {
      this.#retry(error);
    }
  }

  /** The position is out of the log: what retention took is lost, and said so; a log that ends before it is fatal. */
  async #leap(slot: OpenSlot): Promise<void> {
    const { topic, partition, position } = { topic: this.#topic, ...slot };
    const { start, end } = await this.#client.offsets(topic, partition);
    if (position > end) {
      slot.onError(logEndsEarly(topic, partition, position, end));
      return;
    }
    if (position >= start) return; // it is in the log after all
    this.#log.error({ topic, partition, from: `${position}`, to: `${start}` }, 'retention took records unread');
    const nothing = { records: [], groups: [], skipped: 0n, highWatermark: end, logStart: start };
    this.#take(slot, { topic, partition, first: position, next: start, lost: start - position, ...nothing });
  }

  #retry(error: unknown): void {
    if (this.#closed) return;
    const isCorrupt = error instanceof KafkaError && error.code === 'corrupt';
    const level = isCorrupt ? 'error' : 'info';
    this.#log[level]({ topic: this.#topic, error: describeError(error) }, 'fetch failed, asking anew who leads');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.#client
        .refresh()
        .catch(() => {})
        .finally(() => this.#pump());
    }, retryDelayMs);
  }
}

function isOpen(slot: OpenSlot): boolean {
  return !slot.closed && slot.queue.length < queueLimit;
}

/** The output names a position that the log does not reach: offsets would be used twice. */
export function logEndsEarly(topic: string, partition: number, position: bigint, end: bigint): KafkaError {
  return new KafkaError(
    'log-ends-early',
    `${topic} ${partition} ends at offset ${end}, expected at least ${position}, where the output's last seal ends. The topic was ` +
      'created anew or truncated: if its offsets begin anew, start with TIDEMARK_GENERATION one higher',
  );
}
