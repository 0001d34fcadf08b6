// Committed offsets, for lag displays and as hints of where to look first. No stage keeps its place in them.

import type { Consumer, Kafka } from 'kafkajs';
import type { Logger } from 'pino';
import { describeError } from './error.ts';

export interface Hint {
  readonly offset: bigint;
  readonly metadata?: string;
}

/** Commits a hint as a member of the group. A failure is logged and forgotten. */
export async function sendHint(
  consumer: Consumer,
  log: Logger,
  topic: string,
  partition: number,
  hint: Hint,
): Promise<void> {
  try {
    await consumer.commitOffsets([{ topic, partition, offset: `${hint.offset}`, metadata: hint.metadata ?? null }]);
  } catch (error) {
    log.debug({ topic, partition, error: describeError(error) }, 'hint not committed');
  }
}

/** What the group has committed for a topic's partitions; those without are left out. */
export async function readHints(kafka: Kafka, groupId: string, topic: string): Promise<Map<number, Hint>> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const hints = new Map<number, Hint>();
    for (const { partition, offset, metadata } of found?.partitions ?? []) {
      if (BigInt(offset) >= 0n) hints.set(partition, { offset: BigInt(offset), ...(metadata ? { metadata } : {}) });
    }
    return hints;
  } finally {
    await admin.disconnect();
  }
}
