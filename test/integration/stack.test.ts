// What the other integration tests rely on: that the servers behave as those of production do.

import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { s3ConfigOf } from '../../infra/local/bucket.ts';
import { createTopics } from '../../infra/local/topics.ts';
import { createFresh, freshNames, stackEnv, stackVariable } from '../stack.ts';

const kafka = () => new Kafka({ brokers: stackVariable('KAFKA_BROKERS').split(','), logLevel: logLevel.NOTHING });

describe('Kafka', () => {
  test('gives back what was written, with the time of its append', async () => {
    const { raw, group } = await createFresh();
    const producer = kafka().producer();
    await producer.connect();
    await producer.send({ topic: raw, messages: [{ key: 'k', value: 'v', timestamp: '1000' }] });
    await producer.disconnect();
    const consumer = kafka().consumer({ groupId: group });
    await consumer.connect();
    await consumer.subscribe({ topic: raw, fromBeginning: true });
    const { promise, resolve } = Promise.withResolvers<{ value: string | undefined; timestamp: string }>();
    await consumer.run({
      eachMessage: async ({ message }) => resolve({ value: message.value?.toString(), timestamp: message.timestamp }),
    });
    const read = await promise;
    await consumer.disconnect();
    expect(read.value).toBe('v');
    expect(Number(read.timestamp)).toBeGreaterThan(Date.now() - 60_000);
  });

  test('takes a record into the events that is too large for the raw topic', async () => {
    const { raw, events } = await createFresh();
    const producer = kafka().producer({ retry: { retries: 0 } });
    await producer.connect();
    const messages = [{ value: Buffer.alloc(2_000_000, 'x') }];
    await expect(producer.send({ topic: raw, messages })).rejects.toThrow(/larger|too large/i);
    await producer.send({ topic: events, messages });
    await producer.disconnect();
  });

  test('keeps topics that agree, and refuses others', async () => {
    const { raw, events } = await createFresh(2);
    const brokers = stackVariable('KAFKA_BROKERS');
    await createTopics(brokers, { raw, events, partitions: 2 });
    await expect(createTopics(brokers, { raw, events, partitions: 3 })).rejects.toThrow(/has 2 partitions, 3 were/);
  });
});

describe('the registry', () => {
  const schemaOf = (type: string) => ({
    type: SchemaType.AVRO as const,
    schema: JSON.stringify({ type: 'record', name: 'Tried', namespace: 'test', fields: [{ name: 'a', type }] }),
  });

  test('registers under FULL_TRANSITIVE and refuses an incompatible schema', async () => {
    const registry = new SchemaRegistry({ host: stackVariable('SCHEMA_REGISTRY_URL') });
    const options = { subject: `${freshNames().raw}-value`, compatibility: COMPATIBILITY.FULL_TRANSITIVE };
    const { id } = await registry.register(schemaOf('string'), options);
    expect(await registry.decode(await registry.encode(id, { a: 'x' }))).toEqual({ a: 'x' });
    await expect(registry.register(schemaOf('long'), options)).rejects.toMatchObject({ status: 409 });
  });
});

describe('the bucket', () => {
  const put = (bucket: string, extra: object = {}) =>
    new PutObjectCommand({ Bucket: bucket, Key: 'k', Body: 'evidence', ...extra });

  test('refuses to delete a locked version, for all that a delete marker may hide it', async () => {
    const { bucket } = await createFresh();
    const client = new S3Client(s3ConfigOf(stackEnv()));
    const until = new Date(Date.now() + 3_600_000);
    const lock = { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: until };
    const { VersionId } = await client.send(put(bucket, lock));
    await expect(client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'k', VersionId }))).rejects.toThrow();
    const sooner = { Mode: 'COMPLIANCE', RetainUntilDate: new Date(Date.now() + 60_000) } as const;
    const shorten = { Bucket: bucket, Key: 'k', VersionId, Retention: sooner };
    await expect(client.send(new PutObjectRetentionCommand(shorten))).rejects.toThrow();
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'k' }));
    const listed = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    expect(listed.Versions?.map(version => version.VersionId)).toEqual([VersionId]);
    expect(listed.DeleteMarkers).toHaveLength(1);
  });

  test('lets one of several conditional creates win', async () => {
    const { bucket } = await createFresh();
    const client = new S3Client(s3ConfigOf(stackEnv()));
    const create = () => client.send(put(bucket, { IfNoneMatch: '*' }));
    const results = await Promise.allSettled([create(), create(), create()]);
    const losers = results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []));
    expect(losers.map(error => error.$metadata?.httpStatusCode)).toEqual([412, 412]);
    const listed = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    expect(listed.Versions).toHaveLength(1);
  });
});
