// Looks for texts in bytes as a curious person would: as they are, and in the ways in which programs write what they quote.

import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import { until } from './normalizer-program.ts';

export interface Haystack {
  readonly where: string;
  readonly bytes: Buffer;
}

/** How a text may stand somewhere: in UTF-8 and UTF-16, escaped, in hex, and in Base64 at each of its three alignments. */
function formsOf(plant: string): Buffer[] {
  const bytes = Buffer.from(plant, 'utf8');
  const base64 = [0, 1, 2].map(shift => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and last characters depend on what stands beside.
    return encoded.slice(shift === 0 ? 0 : shift + 1, -1);
  });
  const forms = [
    plant,
    encodeURIComponent(plant),
    JSON.stringify(plant).slice(1, -1),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    ...base64,
    ...base64.map(one => one.replaceAll('+', '-').replaceAll('/', '_')),
    [...bytes].join(','),
  ];
  return [...new Set(forms)].map(form => Buffer.from(form, 'utf8')).concat(Buffer.from(plant, 'utf16le'));
}

/** Which text was found where; empty is what one hopes for. */
export function tracesIn(haystacks: readonly Haystack[], plants: readonly string[]): string[] {
  return plants.flatMap(plant => {
    const forms = formsOf(plant);
    return haystacks
      .filter(({ bytes }) => forms.some(form => bytes.includes(form)))
      .map(({ where }) => `${plant}: ${where}`);
  });
}

/** Keys, headers and values of all committed records of a topic. */
export async function readTopic(kafka: Kafka, topic: string): Promise<Haystack[]> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const found: Haystack[] = [];
  const positions = new Map<number, bigint>();
  const consumer = kafka.consumer({ groupId: `traces-${randomUUID()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    positions.set(payload.partition, BigInt(payload.lastOffset) + 1n);
  });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { key, value, headers = {} } of batch.messages) {
        const values = Object.entries(headers).flatMap(([name, one]) => [name, ...[one ?? []].flat()]);
        for (const bytes of [key, value, ...values.map(one => Buffer.from(one))]) {
          if (bytes) found.push({ where: topic, bytes });
        }
      }
    },
  });
  await until(`${topic} is read`, () =>
    ends.every(({ partition, high }) => high === '0' || (positions.get(partition) ?? 0n) >= BigInt(high)),
  );
  await consumer.disconnect();
  return found;
}
