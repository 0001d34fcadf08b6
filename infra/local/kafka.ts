// One Apache Kafka broker that is its own controller (KRaft), on free ports, ready when both coordinators answer.
// Its ports and data outlive `kill` and `restart`, so that a test can take a broker away and bring the same one back.

import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { patchKafka } from '../../core/edge/kafka/index.ts';
import { type Child, spawnGuarded } from './child.ts';
import { StackError } from './errors.ts';
import { fetchOnce, type Progress } from './fetch/once.ts';
import { kafkaPackage } from './fetch/packages.ts';
import { javaCommand } from './fetch/tools.ts';
import { createRunFolder, removeRunFolder } from './folders.ts';
import { startFailure, waitUntilHealthy } from './health.ts';
import { type KafkaSecurity, scramArguments, secureProperties } from './kafka-secure.ts';
import { onFreePorts } from './ports.ts';

export type KafkaServer = {
  /** `host:port`, as in `KAFKA_BROKERS`. */
  readonly brokers: string;
  /** The same of the secured listener; undefined where none was asked for. */
  readonly secureBrokers: string | undefined;
  /** Of the broker that runs now: another after `restart`. */
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the present broker process is gone, whoever ended it. */
  readonly exited: Promise<unknown>;
  /** SIGKILL; data and ports are kept for `restart`. */
  kill(): Promise<void>;
  /**
   * Ends the broker cleanly if it runs, starts it again on its ports and data, and waits until it answers: 3 s, but 12 s after
   * `kill`, as the controller waits for the dead broker's `broker.session.timeout.ms` to pass (9 s).
   */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
};

export type KafkaOptions = {
  /** Broker properties beside, or instead of, those of `serverProperties`. */
  properties?: Record<string, string> | undefined;
  /** Opens a second listener, with TLS and SASL. */
  security?: KafkaSecurity | undefined;
  progress?: Progress | undefined;
};

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  patchKafka();
  const libs = join(await fetchOnce(kafkaPackage, options.progress ?? (() => {})), 'libs');
  return onFreePorts(options.security ? 3 : 2, async ports => {
    const folder = await createRunFolder('kafka');
    try {
      return await startBroker(libs, folder, ports, options);
    } catch (error) {
      removeRunFolder(folder);
      throw error;
    }
  });
}

async function startBroker(
  libs: string,
  folder: string,
  [port = 0, controllerPort = 0, securePort = 0]: number[],
  { properties, security }: KafkaOptions,
): Promise<KafkaServer> {
  const logFile = join(folder, 'kafka.log');
  const config = join(folder, 'server.properties');
  const clusterId = randomBytes(16).toString('base64url');
  const brokers = `127.0.0.1:${port}`;
  const secured =
    security && secureProperties(security, { plain: port, controller: controllerPort, secure: securePort });
  const all = { ...serverProperties(folder, port, controllerPort), ...secured, ...properties };
  await writeFile(config, formatProperties(all), { mode: 0o600 });
  const run = (flags: string[], main: string[]) =>
    spawnGuarded(javaCommand(), [...flags, ...LOGGING, '-cp', join(libs, '*'), ...main], { logFile, cwd: folder });

  // `=`: a random id may begin with `-`.
  const format = ['kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, `--config=${config}`];
  if (security) format.push(...scramArguments(security));
  const formatted = await (await run(['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'], format)).exited;
  if (formatted.code !== 0)
    throw startFailure('Kafka', 'could not format its storage', await readFile(logFile, 'utf8'));

  const start = async (): Promise<Child> => {
    const child = await run(['-Xms256m', '-Xmx512m'], ['kafka.Kafka', config]);
    await waitUntilHealthy('Kafka', child, logFile, () => checkBroker(brokers, clusterId));
    return child;
  };
  let child = await start();
  return {
    brokers,
    secureBrokers: security && `127.0.0.1:${securePort}`,
    logFile,
    get pid() {
      return child.pid;
    },
    get exited() {
      return child.exited;
    },
    kill: () => child.end('SIGKILL'),
    restart: async () => {
      await child.end('SIGTERM');
      child = await start();
    },
    stop: async () => {
      await child.end('SIGKILL'); // nothing of it is kept: no need to let it write down its state
      removeRunFolder(folder);
    },
  };
}

const LOGGING = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.showDateTime=true'];

function serverProperties(folder: string, port: number, controllerPort: number): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false', // a mistyped topic is an error here as it is in production
    'group.initial.rebalance.delay.ms': '0', // saves each consumer's first join three seconds
    // One broker is all there is, and few partitions of the internal topics make it answer sooner.
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
  };
}

function formatProperties(properties: Record<string, string>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('');
}

/** Checks that it is our broker, and that its group and transaction coordinators have loaded: clients fail on a start without them. */
async function checkBroker(brokers: string, clusterId: string): Promise<void> {
  const kafka = new Kafka({
    brokers: [brokers],
    clientId: 'tidemark-health',
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1000,
    requestTimeout: 5000,
    retry: { initialRetryTime: 50, maxRetryTime: 200, retries: 5 },
  });
  const admin = kafka.admin();
  const producer = kafka.producer({ transactionalId: 'tidemark-health', maxInFlightRequests: 1, idempotent: true });
  try {
    await admin.connect();
    const cluster = await admin.describeCluster();
    if (cluster.clusterId !== clusterId) throw new StackError('start-failed', `another broker answers at ${brokers}`);
    await admin.describeGroups(['tidemark-health']);
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.abort();
  } finally {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
  }
}
