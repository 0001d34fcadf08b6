// Reading a partition's committed records forwards and backwards, as recovery needs it.

import { clipBatch, type FetchedBatch, type FetchedRecord } from './batch.ts';
import { type FetchClient, isOutOfRange } from './fetch-client.ts';

/**
 * The committed records from `from` (or the log's start, if that is later) up to, not including, `to`; by default up to what
 * was stable when it began. Batches follow each other without a hole.
 */
export async function* readRange(
  client: FetchClient,
  topic: string,
  partition: number,
  from: bigint,
  to?: bigint,
): AsyncGenerator<FetchedBatch> {
  const { start, stable } = await client.offsets(topic, partition);
  const end = to === undefined || to > stable ? stable : to;
  let position = from < start ? start : from;
  while (position < end) {
    const batch = await client.fetchOne(topic, partition, position).catch(async error => {
      if (!isOutOfRange(error)) throw error;
      // Retention has moved the start meanwhile; a log that ends before our position is for the caller to find.
      const now = await client.offsets(topic, partition);
      if (now.start <= position) throw error;
      position = now.start;
      return null;
    });
    if (!batch) continue; // a broker may answer before it has read
    const within = clipBatch(batch, end);
    if (within) yield within;
    position = batch.next;
  }
}

/**
 * A partition's committed records from its end backwards: windows, the newest first, each in order, the first of them small
 * and each twice as large as the one after it. Ends at the log's start; a caller stops where it has found what it wants.
 */
export async function* readBackwards(
  client: FetchClient,
  topic: string,
  partition: number,
  firstWindow = 64n,
): AsyncGenerator<FetchedRecord[]> {
  const { start, stable } = await client.offsets(topic, partition);
  let size = firstWindow;
  for (let end = stable; end > start; size = size < 16_384n ? size * 2n : size) {
    let from = end - size;
    if (from < start) from = start;
    const records: FetchedRecord[] = [];
    for await (const batch of readRange(client, topic, partition, from, end)) {
      for (const record of batch.records) records.push(record);
    }
    yield records;
    end = from;
  }
}
