// A consumer that only reads and writes what it has read to S3: what the archiver would be if it checked nothing. kafkajs' own consumer,
// the AWS SDK's own PutObject, one object at a time, read ahead while it is written.
//
//   node s3-writer-program.ts <topic> <bucket> <prefix> <bytes of an object>

import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { pino } from 'pino';
import { createKafka } from '../../core/edge/kafka/index.ts';
import { kafkaSettings } from '../../core/edge/settings.ts';
import { s3ConfigOf } from '../../infra/local/bucket.ts';

const [topic = '', bucket = '', prefix = '', size = ''] = process.argv.slice(2);
const objectBytes = Number(size);
const s3 = new S3Client(s3ConfigOf(process.env));
const kafka = createKafka(kafkaSettings(process.env), pino({ level: 'silent' }), 'tidemark-bench-writer');
const consumer = kafka.consumer({
  groupId: `writer-${prefix}`,
  maxBytesPerPartition: 1 << 20,
  maxBytes: 4 << 20,
  maxWaitTimeInMs: 100,
});

let values: Buffer[] = [];
let bytes = 0;
let writing: Promise<void> = Promise.resolve();
let objects = 0;

async function put(parts: readonly Buffer[]): Promise<void> {
  const Key = `${prefix}/${String(objects).padStart(8, '0')}`;
  objects += 1;
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Buffer.concat(parts) }));
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), events: parts.length })}\n`);
}

await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch }) => {
    for (const { value } of batch.messages) {
      if (!value) continue;
      values.push(value);
      bytes += value.length;
    }
    if (bytes < objectBytes) return;
    await writing;
    writing = put(values);
    values = [];
    bytes = 0;
  },
});
process.once('SIGTERM', () => process.exit(0));
