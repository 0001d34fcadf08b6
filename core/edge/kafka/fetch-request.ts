// Kafka's Fetch, as far as kafkajs' own is no use to us: it takes a batch's records apart all at once, whatever they expand to, and
// spreads them over a call's arguments, which ends at some 120,000. Its connection, its encoding and its errors are used.

import { type Broker, type FetchRequest, fetchProtocol, sendFetch } from './internals.ts';
import type { PartitionAnswer } from './record-set.ts';

/** As kafkajs' `parse` wants it, which throws for the error codes. */
export interface ReadAnswer {
  /** kafkajs waits for so long before its next request. */
  readonly clientSideThrottleTime: number;
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly (PartitionAnswer & { errorCode: number })[];
  }[];
}

/** One fetch from one broker, whose record sets are as they came. Throws kafkajs' errors. */
export async function fetchFrom(broker: Broker, request: FetchRequest): Promise<PartitionAnswer[]> {
  const { responses } = (await sendFetch(broker, fetchProtocol(request, readAnswer))) as ReadAnswer;
  return responses.flatMap(({ partitions }) => partitions);
}

/** Fetch response, version 11. */
export function readAnswer(payload: Buffer): ReadAnswer {
  const reader = new Reader(payload);
  const clientSideThrottleTime = reader.int32();
  reader.int16(); // error code and id of a fetch session: none is used
  reader.int32();
  const responses = reader.list(() => {
    const topic = reader.string();
    return { topicName: topic, partitions: reader.list(() => readPartition(reader, topic)) };
  });
  return { clientSideThrottleTime, responses };
}

function readPartition(reader: Reader, topic: string): PartitionAnswer & { errorCode: number } {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  reader.int64(); // last stable offset: what is behind it is not sent
  const logStart = reader.int64();
  const aborted = reader.list(() => ({ producer: reader.int64(), first: reader.int64() }));
  reader.int32(); // preferred read replica
  return { topic, partition, errorCode, highWatermark, logStart, aborted, recordSet: reader.bytes() };
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.#bytes.readBigInt64BE(this.#at - 8);
  }

  string(): string {
    return this.#take(this.int16()).toString('utf8');
  }

  bytes(): Buffer {
    return this.#take(this.int32());
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }

  #take(length: number): Buffer {
    this.#at += Math.max(0, length);
    return this.#bytes.subarray(this.#at - Math.max(0, length), this.#at);
  }
}
