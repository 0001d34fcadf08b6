// The three servers of a whole Tidemark, started together; where the environment names a server, that one is used instead.

import { isFetched, type Package, type Progress } from './fetch/once.ts';
import { kafkaPackage, registryPackage, s3Package } from './fetch/packages.ts';
import { requireTools, type Tool } from './fetch/tools.ts';
import { type KafkaServer, startKafka } from './kafka.ts';
import { type RegistryServer, startRegistry } from './registry.ts';
import { LOCAL_REGION, type S3Server, startS3 } from './s3.ts';

const KAFKA_SECURITY = [
  'KAFKA_SSL',
  'KAFKA_SSL_CA',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
];
const REGISTRY_SECURITY = ['SCHEMA_REGISTRY_TOKEN', 'SCHEMA_REGISTRATION'];

export type Stack = {
  /**
   * KAFKA_BROKERS, SCHEMA_REGISTRY_URL, S3_ENDPOINT, AWS_REGION and the AWS credentials, for these servers; and how to reach
   * them securely, where the environment named them.
   */
  readonly env: Record<string, string>;
  /** Each undefined where the environment named one. */
  readonly kafka: KafkaServer | undefined;
  readonly registry: RegistryServer | undefined;
  readonly s3: S3Server | undefined;
  /** Ends what was started and removes its data; servers that were there before are left alone. */
  stop(): Promise<void>;
};

export type StackOptions = {
  /** Further properties for the broker. */
  kafkaProperties?: Record<string, string>;
  /** Told a short line for each step that takes time. */
  progress?: Progress;
  /** Where servers that already run are named; by default this process's environment. */
  env?: Readonly<Record<string, string | undefined>>;
};

/** Starts what the environment does not name; when one of them fails, the others are ended before the error is thrown. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const given = options.env ?? process.env;
  const { progress } = options;
  requireTools(neededTools(given));
  const kafka = given.KAFKA_BROKERS ? undefined : startKafka({ properties: options.kafkaProperties, progress });
  const registry = given.SCHEMA_REGISTRY_URL ? undefined : startRegistry({ progress });
  const s3 = given.S3_ENDPOINT ? undefined : startS3({ progress });
  const results = await Promise.allSettled([kafka, registry, s3]);
  const stop = async () => {
    await Promise.all(results.map(result => (result.status === 'fulfilled' ? result.value?.stop() : undefined)));
  };
  const failed = results.find(result => result.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  const servers = { kafka: await kafka, registry: await registry, s3: await s3 };
  return { ...servers, env: stackVariables(servers, given), stop };
}

function neededTools(given: Readonly<Record<string, string | undefined>>): Tool[] {
  const tools: Tool[] = [];
  const need = (wanted: Package, ...more: Tool[]) => tools.push(...more, ...(isFetched(wanted) ? [] : [wanted.client]));
  if (!given.KAFKA_BROKERS) need(kafkaPackage, 'java');
  if (!given.SCHEMA_REGISTRY_URL) need(registryPackage, 'java');
  if (!given.S3_ENDPOINT) need(s3Package);
  return tools;
}

function stackVariables(
  servers: Pick<Stack, 'kafka' | 'registry' | 's3'>,
  given: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const env: Record<string, string> = {};
  const set = (name: string, value: string | undefined) => {
    if (value) env[name] = value;
  };
  set('KAFKA_BROKERS', servers.kafka?.brokers ?? given.KAFKA_BROKERS);
  if (!servers.kafka) for (const name of KAFKA_SECURITY) set(name, given[name]);
  set('SCHEMA_REGISTRY_URL', servers.registry?.url ?? given.SCHEMA_REGISTRY_URL);
  if (!servers.registry) for (const name of REGISTRY_SECURITY) set(name, given[name]);
  set('S3_ENDPOINT', servers.s3?.url ?? given.S3_ENDPOINT);
  if (servers.s3) {
    set('AWS_ACCESS_KEY_ID', servers.s3.accessKeyId);
    set('AWS_SECRET_ACCESS_KEY', servers.s3.secretAccessKey);
    set('AWS_REGION', LOCAL_REGION);
  } else {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) set(name, given[name]);
    set('AWS_REGION', given.AWS_REGION ?? LOCAL_REGION);
  }
  return env;
}
