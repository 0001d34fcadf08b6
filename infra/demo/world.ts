// The demo's world: servers, topics, a locked bucket, keys and what an auditor is given. All of it goes with the demo, but
// for a bucket and topics on servers that were there before.

import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { kafkaSettings } from '../../core/edge/settings.ts';
import { createLockedBucket, s3ConfigOf } from '../local/bucket.ts';
import { startStack } from '../local/stack.ts';
import { createTopics } from '../local/topics.ts';
import { type Files, writeFiles } from './files.ts';
import { detail, heading, pair, say } from './screen.ts';

export const PERIOD = 'PT10S';
/** Long enough for the demo and a look around; a shorter one would begin to expire while we look. */
export const RETENTION = 'COMPLIANCE PT1H';
const PARTITIONS = 3;
const ORIGIN = 'demo.example/audit';
const PREFIX = 'demo';

/** Variables of each program: no more than it needs, so that no two hold both private keys. */
export interface Environments {
  readonly producers: Env;
  readonly normalizer: Env;
  readonly archiver: Env;
  /** The bucket alone. */
  readonly auditor: Env;
  /** Who reveals and erases: persons' keys, and the raw topic, where it is recorded. */
  readonly operator: Env;
}

export type Env = Readonly<Record<string, string>>;

export interface World {
  readonly env: Environments;
  readonly rawTopic: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly s3: S3Client;
  /** Logs, keys and the auditor's two files; removed at the end, kept after a failure. */
  readonly folder: string;
  /** Whether the bucket goes with the demo's own S3 server. */
  readonly isFleeting: boolean;
  readonly files: Files;
  stop(): Promise<void>;
}

export async function prepareWorld(): Promise<World> {
  heading(
    'Servers',
    'Apache Kafka, a schema registry and an S3 server with Object Lock: the real ones, on this machine.',
  );
  const began = Date.now();
  const stack = await startStack({ progress: detail });
  const id = stack.kafka && stack.s3 ? '' : `-${randomUUID().slice(0, 8)}`;
  const topics = { raw: `audit.raw${id}`, events: `audit.events${id}`, partitions: PARTITIONS };
  const bucket = `tidemark-demo${id}`;
  const s3 = new S3Client(s3ConfigOf(stack.env));
  try {
    await createTopics(kafkaSettings(stack.env), topics);
    await createLockedBucket(s3ConfigOf(stack.env), bucket);
    // Keys of persons have to be destroyed one day: a bucket without a lock.
    await s3.send(new CreateBucketCommand({ Bucket: `${bucket}-keys` }));
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-demo-'));
    // After Ctrl-C too; what failed has to be looked into.
    process.on('exit', code => code === 1 || rmSync(folder, { recursive: true, force: true }));
    const files = await writeFiles(folder, ORIGIN);
    say(`ready in ${((Date.now() - began) / 1000).toFixed(1)} s`);
    say();
    pair('topics', `${topics.raw} → ${topics.events}, ${PARTITIONS} partitions each`);
    pair('bucket', `${bucket}, versioned, Object Lock; retention ${RETENTION}`);
    pair('persons', `their data is sealed under a key each, kept in ${bucket}-keys, where it can be destroyed`);
    pair('keys', 'one for the normalizer, one for the archiver, made now; auditors get the public halves');
    pair('policy', 'a change of settings has to name its ticket; a catalogue says whose the services are');
    pair('period', `${PERIOD}; in production an hour`);
    return {
      env: environments(stack.env, { ...topics, bucket, files, id }),
      rawTopic: topics.raw,
      bucket,
      prefix: PREFIX,
      s3,
      folder,
      isFleeting: stack.s3 !== undefined,
      files,
      stop: () => {
        s3.destroy();
        return stack.stop();
      },
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

function environments(
  stack: Env,
  of: { raw: string; events: string; bucket: string; files: Files; id: string },
): Environments {
  const isOfTopics = ([name]: [string, string]) => name.startsWith('KAFKA_') || name.startsWith('SCHEMA_');
  const { true: topics = [], false: others = [] } = Object.groupBy(Object.entries(stack), one => `${isOfTopics(one)}`);
  const s3 = Object.fromEntries(others);
  const producers = { ...Object.fromEntries(topics), TIDEMARK_RAW_TOPIC: of.raw };
  const consumers = {
    ...producers,
    ...s3,
    S3_BUCKET: of.bucket,
    S3_PREFIX: PREFIX,
    TIDEMARK_ORIGIN: ORIGIN,
    TIDEMARK_EVENTS_TOPIC: of.events,
    TIDEMARK_PERIOD: PERIOD,
    TIDEMARK_RETENTION: RETENTION,
    TIDEMARK_SEAL_VERIFIERS: of.files.normalizerKeys,
  };
  const personal = {
    TIDEMARK_ENCRYPTION: 'on',
    TIDEMARK_KEYS_BUCKET: `${of.bucket}-keys`,
    TIDEMARK_KEK: of.files.kek,
    TIDEMARK_LOOKUP_KEY: of.files.lookup,
  };
  return {
    producers,
    normalizer: {
      ...consumers,
      TIDEMARK_GROUP: `tidemark-normalizer${of.id}`,
      TIDEMARK_SEAL_KEY: of.files.seal,
      ...personal,
      TIDEMARK_POLICY: of.files.rules,
      TIDEMARK_CATALOGUE: of.files.catalogue,
      TIDEMARK_CHANGES_TOPIC: `audit.changes${of.id}`,
    },
    archiver: { ...consumers, TIDEMARK_GROUP: `tidemark-archiver${of.id}`, TIDEMARK_LOG_KEY: of.files.log },
    auditor: s3,
    operator: { ...consumers, ...personal, TIDEMARK_APPROVERS: of.files.approvers, TIDEMARK_ERASE_DELAY: 'PT1S' },
  };
}
