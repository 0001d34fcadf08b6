// A whole Tidemark of its own for a run of faults: servers that can be taken away, topics, a bucket, keys, and a folder that keeps what is
// to be looked into afterwards.

import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { createLockedBucket, s3ConfigOf } from '../../infra/local/bucket.ts';
import { startRegistry } from '../../infra/local/registry.ts';
import { LOCAL_REGION, startS3 } from '../../infra/local/s3.ts';
import { createTopics } from '../../infra/local/topics.ts';
import { type Gate, openGate } from './gate.ts';
import { type Net, startNet } from './network/net.ts';
import { S3Proxy } from './network/s3-proxy.ts';

export const prefix = 'prod';
const origin = 'test.example/faults';

export interface World {
  /** Ledgers, logs, the checker's report. */
  readonly folder: string;
  readonly brokers: string;
  readonly topics: { readonly raw: string; readonly events: string };
  readonly bucket: string;
  /** Brokers, and the ways to them and to S3; null: the brokers are another's, and are left alone. */
  readonly net: Net | null;
  readonly registry: Gate;
  /** Between the programs and the bucket; clients that only look go round it. */
  readonly s3: S3Proxy;
  readonly periodMs: number;
  /** Of clients that need nothing else; to the brokers by the net, where there is one. */
  readonly env: Readonly<Record<string, string>>;
  readonly normalizer: Readonly<Record<string, string>>;
  readonly archiver: Readonly<Record<string, string>>;
  readonly groups: { readonly normalizer: string; readonly archiver: string };
  /** Files for `tidemark verify`. */
  readonly trust: { readonly policy: string; readonly normalizerKeys: string };
  /** Ends the servers; the folder stays. */
  stop(): Promise<void>;
}

export interface WorldOptions {
  readonly partitions: number;
  /** ISO 8601 seconds, such as PT10S. */
  readonly periodSeconds: number;
  /** How long an event may wait outside the lock. */
  readonly segmentSeconds: number;
  /** Servers that are used instead of starting ones: KAFKA_BROKERS, SCHEMA_REGISTRY_URL, S3_ENDPOINT and its credentials. */
  readonly given?: Readonly<Record<string, string>>;
  /** How many brokers are started; 1 by default. Of three, each partition has three copies. */
  readonly brokers?: number;
}

/** Starts what is not given; topics and bucket have names that nothing else uses. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-faults-'));
  for (const name of ['ledgers', 'logs']) mkdirSync(join(folder, name));
  const { given = {} } = options;
  const [registry, s3] = await Promise.all([
    given.SCHEMA_REGISTRY_URL ? null : startRegistry(),
    given.S3_ENDPOINT ? null : startS3(),
  ]);
  const address = new URL(given.SCHEMA_REGISTRY_URL ?? registry?.url ?? '');
  const gate = await openGate({ host: address.hostname, port: Number(address.port) });
  address.port = `${gate.port}`;
  const id = randomUUID().slice(0, 8);
  const url = given.S3_ENDPOINT ?? s3?.url ?? '';
  const net = given.KAFKA_BROKERS ? null : await startNet(options.brokers ?? 1, url);
  const brokers = given.KAFKA_BROKERS ?? net?.brokers ?? '';
  const topics = { raw: `audit.raw-${id}`, events: `audit.events-${id}` };
  const bucket = `faults-${id}`;
  const env = {
    PATH: process.env.PATH ?? '',
    KAFKA_BROKERS: net?.ways ?? brokers,
    SCHEMA_REGISTRY_URL: address.href,
    S3_ENDPOINT: url,
    AWS_ACCESS_KEY_ID: given.AWS_ACCESS_KEY_ID ?? s3?.accessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: given.AWS_SECRET_ACCESS_KEY ?? s3?.secretAccessKey ?? '',
    AWS_REGION: LOCAL_REGION,
    S3_BUCKET: bucket,
    S3_PREFIX: prefix,
    TIDEMARK_ORIGIN: origin,
    TIDEMARK_RAW_TOPIC: topics.raw,
    TIDEMARK_EVENTS_TOPIC: topics.events,
    TIDEMARK_PERIOD: `PT${options.periodSeconds}S`,
    TIDEMARK_RETENTION: 'COMPLIANCE PT2H',
  };
  const proxy = await new S3Proxy({ upstream: net?.s3 ?? url, bucket, prefix }).open();
  const stop = async (): Promise<void> => {
    await Promise.all([gate.close(), proxy.close(), net?.stop(), registry?.stop(), s3?.stop()]);
  };
  try {
    await Promise.all([
      createTopics(brokers, { ...topics, partitions: options.partitions }),
      createLockedBucket(s3ConfigOf(env), bucket),
    ]);
    const periodMs = options.periodSeconds * 1000;
    const servers = { brokers, topics, bucket, net, registry: gate, s3: proxy };
    return { folder, ...servers, periodMs, ...roles(folder, env, proxy.url, options), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function roles(folder: string, env: Readonly<Record<string, string>>, s3: string, { segmentSeconds }: WorldOptions) {
  const [sealPem, logPem] = [generatePem(), generatePem()];
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const logKey = formatVerifierKey(signerFromPem(origin, logPem).key);
  const sealKey = formatVerifierKey(signerFromPem(sealKeyName(origin), sealPem).key);
  const normalizerKeys = file('normalizer.vkey', `${sealKey}\n`);
  const policy = file('policy', `log ${logKey}\nquorum none\n`);
  const groups = { normalizer: `${env.S3_BUCKET}-n`, archiver: `${env.S3_BUCKET}-a` };
  const normalizer = {
    ...env,
    S3_ENDPOINT: s3,
    TIDEMARK_GROUP: groups.normalizer,
    TIDEMARK_SEAL_KEY: sealPem,
    TIDEMARK_LOG_VERIFIERS: file('archiver.vkey', `${logKey}\n`),
    TIDEMARK_ENCRYPTION: 'off',
    TIDEMARK_CLEAR_FOR_EVER: 'yes',
    TIDEMARK_CHANGES_TOPIC: 'off',
  };
  const archiver = {
    ...env,
    S3_ENDPOINT: s3,
    TIDEMARK_GROUP: groups.archiver,
    TIDEMARK_LOG_KEY: logPem,
    TIDEMARK_SEAL_VERIFIERS: normalizerKeys,
    TIDEMARK_SEGMENT_AGE: `PT${segmentSeconds}S`,
  };
  return { env, normalizer, archiver, groups, trust: { policy, normalizerKeys } };
}
