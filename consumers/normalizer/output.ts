// The events topic as the normalizer writes it: one transactional producer a partition, one transaction a run. After an error the
// outcome is not known, and the producer is of no use any more: drop it, and read the tail.

import kafkajs, { type Kafka, type Message, type Producer } from 'kafkajs';
import { describeError, isFenced, KafkaError } from '../../core/edge/kafka/index.ts';
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
    const messages = batch.messages.map(message => ({ ...message, partition }));
    const written = await transaction.send({ topic, messages, acks: -1, compression });
    // Where a retry meets a moved leader, kafkajs can resolve without having sent anything.
    if (written.length !== 1 || written[0]?.partition !== partition || written[0].errorCode !== 0) {
      await transaction.abort();
      throw new KafkaError('outcome-unknown', `${topic} ${partition}: kafkajs did not say that the run was written`);
    }
  }
  await transaction.commit();
}

/** Batches of a run; one that is `large` holds a single event beyond the usual size, and is compressed as its raw record was. */
export function* splitRun(run: SealedRun): Generator<{ messages: Message[]; large: boolean }> {
  let messages: Message[] = [];
  let bytes = 0;
  const last = run.events.length - 1;
  for (const [index, event] of run.events.entries()) {
    const size = sizeOf(event) + (index === last ? run.note.length : 0);
    if (messages.length > 0 && bytes + size > maxBatchBytes) {
      yield { messages, large: bytes > maxBatchBytes };
      messages = [];
      bytes = 0;
    }
    const { key, value } = event;
    messages.push(index === last ? { key, value, headers: { [SEAL_HEADER]: run.note } } : { key, value });
    bytes += size;
  }
  if (messages.length > 0) yield { messages, large: bytes > maxBatchBytes };
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
