/** What went wrong at the Kafka edge; also a metric's label, so the set is closed. */
export type KafkaErrorCode =
  /** kafkajs is not the release that our patches were written for, or a patch has no effect. */
  | 'not-patched'
  /** No answer, or one that says: again. */
  | 'unavailable'
  /** A write whose outcome is unknown: the producer is of no use any more. */
  | 'outcome-unknown'
  /** Another owner of the partition has taken over. */
  | 'fenced'
  /** Offsets without a record that neither markers nor retention explain. */
  | 'hole'
  /** A record, or what a batch expands to, is not what Kafka's format says. */
  | 'undecodable'
  /** A batch came with other bytes than its checksum says. */
  | 'corrupt'
  /** The log holds records in a format from before Kafka 0.11. */
  | 'old-format'
  /** The log ends before the position that the output names: topic re-created, or truncated. */
  | 'log-ends-early'
  /** The group's consumer crashed, or was silent for longer than its session. */
  | 'consumer-stopped'
  /** A partition failed again and again, however often it was started. */
  | 'no-progress';

/**
 * What the caller has to do: `retry`: take the assignment's steps again, from the output's end, but not for ever; `wait`: the same, as
 * often as need be, since what it needs is away and will be back (a bucket, a registry); `fenced`: leave the partition until the next
 * assignment, never start it again within this one; `fatal`: exit, recover at the next start.
 */
export type Disposition = 'retry' | 'wait' | 'fenced' | 'fatal';

const dispositions: Record<KafkaErrorCode, Disposition> = {
  'not-patched': 'fatal',
  unavailable: 'retry',
  'outcome-unknown': 'retry',
  fenced: 'fenced',
  hole: 'fatal',
  undecodable: 'retry',
  corrupt: 'retry',
  'old-format': 'fatal',
  'log-ends-early': 'fatal',
  'consumer-stopped': 'fatal',
  'no-progress': 'fatal',
};

export class KafkaError extends Error {
  override readonly name = 'KafkaError';
  readonly code: KafkaErrorCode;

  constructor(code: KafkaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get disposition(): Disposition {
    return dispositions[this.code];
  }
}

/** An error's disposition; one of another class may carry its own, kafkajs' are tried again, and all others are fatal. */
export function dispositionOf(error: unknown): Disposition {
  if (error instanceof KafkaError) return error.disposition;
  if (isFenced(error)) return 'fenced';
  if (error instanceof Error && error.name.startsWith('KafkaJS')) return 'retry';
  if (typeof error !== 'object' || error === null || !('disposition' in error)) return 'fatal';
  const { disposition } = error;
  return isDisposition(disposition) ? disposition : 'fatal';
}

function isDisposition(value: unknown): value is Disposition {
  return value === 'retry' || value === 'wait' || value === 'fenced';
}

// INVALID_PRODUCER_EPOCH, PRODUCER_FENCED, and codes that kafkajs is too old to know: better to leave than to fight.
const fencedCodes = new Set<unknown>([47, 90]);
const fencedTypes = new Set<unknown>(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'KAFKAJS_UNKNOWN_ERROR_CODE']);

/** Whether an error of kafkajs says that another producer has our transactional id. */
export function isFenced(error: unknown): boolean {
  for (let at: unknown = error; typeof at === 'object' && at !== null; at = 'cause' in at ? at.cause : null) {
    if ('code' in at && fencedCodes.has(at.code)) return true;
    if ('type' in at && fencedTypes.has(at.type)) return true;
  }
  return false;
}

/** The text of an error, for messages and logs. */
export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
