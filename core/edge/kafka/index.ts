/** The Kafka edge's door. */

export type { FetchedBatch, FetchedRecord } from './batch.ts';
export { createKafka, type KafkaSettings } from './client.ts';
export { checkConnection } from './connect.ts';
export { type Disposition, describeError, isFenced, KafkaError, type KafkaErrorCode } from './error.ts';
export { FetchClient, type PartitionOffsets } from './fetch-client.ts';
export { logEndsEarly } from './fetch-loop.ts';
export { type Hint, readHints } from './hint.ts';
export { OutgoingBatch } from './outgoing-batch.ts';
export {
  type PartitionWorker,
  type RunningPartitions,
  type RunOptions,
  runPartitions,
  type WorkerContext,
} from './partition-consumer.ts';
export { patchKafka } from './patch.ts';
export type { Unheld } from './record.ts';
export { readBackwards, readRange } from './tail.ts';
