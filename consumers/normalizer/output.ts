// The events topic as the normalizer writes it: one transactional producer a partition, one transaction a run. After an error the
// outcome is not known, and the producer is of no use any more: drop it, and read the tail.

import kafkajs, { type Kafka, type Message, type Producer } from 'kafkajs';
import { describeError, isFenced, KafkaError, OutgoingBatch } from '../../core/edge/kafka/index.ts';
import { SEAL_HEADER } from '../../core/proof/seal.ts';
import { NormalizerError } from './error.ts';
import type { RunEvent, SealedRun } from './run.ts';

export interface Output {
  /** Commits a run, or throws: `outcome-unknown`, `fenced`, or `too-large`. */
  write(run: SealedRun): Promise<void>;
  close(): Promise<void>;
}

export interface OutputOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
}

const transactionTimeoutMs = 15_000;
/** A batch stays below max.message.bytes, which is above 1 MiB for the events topic (start check). */
const maxBatchBytes = 900_000;

/** Opens the producer of a partition and fences every earlier one: what they left open is aborted when this resolves. */
export async function openOutput(options: OutputOptions): Promise<Output> {
  const { kafka, groupId, topic, partition } = options;
  const producer = kafka.producer({
    transactionalId: `${groupId}-${topic}-${partition}`,
    idempotent: true,
    maxInFlightRequests: 1,
    transactionTimeout: transactionTimeoutMs,
    allowAutoTopicCreation: false,
    // CONCURRENT_TRANSACTIONS follows each commit for some milliseconds: asked again after 10 ms, and for as long as a predecessor's
    // abort may take.
    retry: { initialRetryTime: 10, maxRetryTime: 250, retries: 60 },
  });
  try {
    await producer.connect();
    // InitProducerId is sent with the first transaction, not when it connects.
    const fence = await producer.transaction();
    await fence.abort();
  } catch (cause) {
    await close(producer);
    throw failure('fencing', topic, partition, cause);
  }
  let broken = false;
  return {
    write: async run => {
      if (broken) throw new KafkaError('outcome-unknown', `${topic} ${partition}: a write failed before`);
      try {
        await writeRun(producer, topic, partition, run);
      } catch (cause) {
        broken = true;
        throw failure('a run', topic, partition, cause);
      }
    },
    close: () => close(producer),
  };
}

async function writeRun(producer: Producer, topic: string, partition: number, run: SealedRun): Promise<void> {
  const transaction = await producer.transaction();
  for (const batch of splitRun(run)) {
    const compression = batch.large ? kafkajs.CompressionTypes.ZSTD : kafkajs.CompressionTypes.None;
    const messages = batch.large ? messagesOf(batch, partition) : recordsOf(batch, partition).messages;
    const written = await transaction.send({ topic, messages, acks: -1, compression });
    // Where a retry meets a moved leader, kafkajs can resolve without having sent anything.
    if (written.length !== 1 || written[0]?.partition !== partition || written[0].errorCode !== 0) {
      await transaction.abort();
      throw new KafkaError('outcome-unknown', `${topic} ${partition}: kafkajs did not say that the run was written`);
    }
  }
  await transaction.commit();
}

/** Events of a run that are written as one batch. */
export interface RunBatch {
  readonly events: readonly RunEvent[];
  readonly bytes: number;
  /** It holds a single event beyond the usual size, and is compressed as its raw record was. */
  readonly large: boolean;
  /** The run's seal, which its last event carries; null: that event is in a later batch. */
  readonly note: Buffer | null;
}

/** The batches of a run, in order. */
export function* splitRun(run: SealedRun): Generator<RunBatch> {
  const { events, note } = run;
  let first = 0;
  let bytes = 0;
  for (let index = 0; index < events.length; index++) {
    const isLast = index === events.length - 1;
    const size = sizeOf(events[index] as RunEvent) + (isLast ? note.length : 0);
    if (index > first && bytes + size > maxBatchBytes) {
      yield { events: events.slice(first, index), bytes, large: bytes > maxBatchBytes, note: null };
      first = index;
      bytes = 0;
    }
    bytes += size;
  }
  if (events.length > 0) yield { events: events.slice(first), bytes, large: bytes > maxBatchBytes, note };
}

function recordsOf({ events, bytes, note }: RunBatch, partition: number): OutgoingBatch {
  const set = new OutgoingBatch(partition, bytes);
  const last = events.length - 1;
  for (let index = 0; index <= last; index++) {
    const { key, value } = events[index] as RunEvent;
    set.add(key, value, note !== null && index === last ? [SEAL_HEADER, note] : null);
  }
  return set;
}

function messagesOf({ events, note }: RunBatch, partition: number): Message[] {
  const messages: Message[] = events.map(({ key, value }) => ({ key, value, partition }));
  const last = messages.at(-1);
  if (last && note !== null) last.headers = { [SEAL_HEADER]: note };
  return messages;
}

const sizeOf = ({ key, value }: RunEvent): number => value.length + (key?.length ?? 0) + 64;

function failure(what: string, topic: string, partition: number, cause: unknown): Error {
  const where = `${topic} ${partition}: ${what} failed: ${describeError(cause)}`;
  if (cause instanceof KafkaError) return cause;
  if (isFenced(cause)) return new KafkaError('fenced', where, { cause });
  if (cause instanceof Error && /RecordTooLarge|MESSAGE_TOO_LARGE|message size larger/i.test(`${cause.message}`)) {
    const advice = `raise max.message.bytes of ${topic}`;
    return new NormalizerError('too-large', `${where}: ${advice}`, { cause });
  }
  return new KafkaError('outcome-unknown', where, { cause });
}

/** Never waits long for what can't be helped: a broken producer may hang. */
async function close(producer: Producer): Promise<void> {
  const patience = new Promise<void>(resolve => setTimeout(resolve, 3000).unref());
  await Promise.race([producer.disconnect().catch(() => {}), patience]);
}
