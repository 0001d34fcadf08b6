/** The way out of the process, so that what decides can be tested without it. */

export interface OutgoingMessage {
  readonly key: string;
  /** Avro datum of the event, without the registry's prefix. */
  readonly datum: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Text of the schema that the datum is written by, where it may be another than this SDK's: an event that was spooled. */
  readonly schema?: string | undefined;
}

/** What is known of messages that were not acknowledged. */
export type Outcome =
  /** No broker has them, and trying again may help. */
  | 'unsent'
  /** No broker has them, and trying again will not help: not allowed, not registered. */
  | 'refused'
  /** No broker has them: together they are more than it takes at once. */
  | 'too-large'
  /** A broker may have them or not. */
  | 'unknown';

export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly outcome: Outcome;
  /** Milliseconds before which trying again is not wanted. */
  readonly retryAfterMs: number | undefined;

  constructor(outcome: Outcome, message: string, options: ErrorOptions & { retryAfterMs?: number | undefined } = {}) {
    super(message, options);
    this.outcome = outcome;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Messages of a request that were not acknowledged while others were, each with why. */
export type Unsent = ReadonlyMap<OutgoingMessage, TransportError>;

export interface Transport {
  /** Makes ready to send: connection, schema id, number of partitions. Cheap where it is. Throws TransportError, never unknown. */
  open(timeoutMs: number): Promise<void>;
  /** The partition that a key belongs to; only once open. */
  partitionOf(key: string): number;
  /**
   * Sends to one partition, in order; resolves when all in-sync replicas have them, or all but those that it answers. One call at a time.
   * Throws TransportError, of all of them.
   */
  send(partition: number, messages: readonly OutgoingMessage[], timeoutMs: number): Promise<Unsent | undefined>;
  /** Whether anything waits: only then may open connections keep the process alive. */
  hold(pending: boolean): void;
  /** Ends all connections; never throws. */
  close(): Promise<void>;
}
