// One Kafka process, broker and controller in one (KRaft), of a cluster of one or more. Its ports and data outlive `kill` and `restart`,
// so that a test can take a broker away and bring the same one back.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { type Child, spawnGuarded } from './child.ts';
import { StackError } from './errors.ts';
import { javaCommand } from './fetch/tools.ts';
import { removeRunFolder } from './folders.ts';
import { startFailure, waitUntilHealthy } from './health.ts';
import { type KafkaSecurity, scramArguments, secureProperties } from './kafka-secure.ts';

export type KafkaServer = {
  /** `host:port`, as in `KAFKA_BROKERS`. */
  readonly brokers: string;
  /** The same of the secured listener; undefined where none was asked for. */
  readonly secureBrokers: string | undefined;
  /** Port of the listener for who comes by `via`; undefined where none was asked for. */
  readonly viaPort: number | undefined;
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

export type NodePlan = {
  /** Folder of Kafka's jars. */
  readonly libs: string;
  readonly folder: string;
  readonly clusterId: string;
  /** From 1. */
  readonly id: number;
  /** Controller ports of all nodes, this one's too, in the order of their ids. */
  readonly controllers: readonly number[];
  readonly port: number;
  readonly securePort: number;
  readonly viaPort: number;
  /** Where clients of a further listener are told that it is: of a proxy before it. */
  readonly via: number | undefined;
  readonly security: KafkaSecurity | undefined;
  readonly properties: Readonly<Record<string, string>> | undefined;
};

/** Formats the storage, starts the node and waits until it answers; of a cluster it does so only where most are being started. */
export async function startNode(plan: NodePlan): Promise<KafkaServer> {
  const { libs, folder, clusterId, id, port, securePort, viaPort, via, security } = plan;
  const logFile = join(folder, 'kafka.log');
  const config = join(folder, 'server.properties');
  const brokers = `127.0.0.1:${port}`;
  await writeFile(config, formatProperties(propertiesOf(plan)), { mode: 0o600 });
  const run = (flags: string[], main: string[]) =>
    spawnGuarded(javaCommand(), [...flags, ...LOGGING, '-cp', join(libs, '*'), ...main], { logFile, cwd: folder });

  // `=`: a random id may begin with `-`.
  const format = ['kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, `--config=${config}`];
  if (security) format.push(...scramArguments(security));
  const formatted = await (await run(['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'], format)).exited;
  if (formatted.code !== 0)
    throw startFailure('Kafka', 'could not format its storage', await readFile(logFile, 'utf8'));

  const start = async (): Promise<Child> => {
    const child = await run(['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC'], ['kafka.Kafka', config]);
    await waitUntilHealthy('Kafka', child, logFile, () => checkBroker(brokers, clusterId, id));
    return child;
  };
  let child = await start();
  return {
    brokers,
    secureBrokers: security && `127.0.0.1:${securePort}`,
    viaPort: via === undefined ? undefined : viaPort,
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

function propertiesOf({ folder, id, controllers, port, securePort, viaPort, via, security, properties }: NodePlan) {
  const controller = controllers[id - 1] ?? 0;
  const secured = security && secureProperties(security, { plain: port, controller, secure: securePort });
  const all: Record<string, string> = {
    ...serverProperties(folder, id, port, controllers),
    ...replication(controllers.length),
    ...secured,
  };
  if (via !== undefined) {
    all.listeners += `,VIA://127.0.0.1:${viaPort}`;
    all['advertised.listeners'] += `,VIA://127.0.0.1:${via}`;
    all['listener.security.protocol.map'] += ',VIA:PLAINTEXT';
  }
  return { ...all, ...properties };
}

function serverProperties(
  folder: string,
  id: number,
  port: number,
  controllers: readonly number[],
): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': `${id}`,
    'controller.quorum.voters': controllers.map((voter, index) => `${index + 1}@127.0.0.1:${voter}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllers[id - 1]}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false', // a mistyped topic is an error here as it is in production
    'group.initial.rebalance.delay.ms': '0', // saves each consumer's first join three seconds
    // Few partitions of the internal topics make it answer sooner.
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.num.partitions': '1',
  };
}

/** Three of everything, and two that have it before it counts, where there are so many. */
function replication(nodes: number): Record<string, string> {
  const [copies, least] = nodes < 3 ? ['1', '1'] : ['3', '2'];
  return {
    'default.replication.factor': copies,
    'min.insync.replicas': least,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': least,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': least,
  };
}

function formatProperties(properties: Record<string, string>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('');
}

/** Checks that it is our broker, and that its group and transaction coordinators have loaded: clients fail on a start without them. */
async function checkBroker(brokers: string, clusterId: string, id: number): Promise<void> {
  const kafka = new Kafka({
    brokers: [brokers],
    clientId: 'tidemark-health',
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1000,
    requestTimeout: 5000,
    retry: { initialRetryTime: 50, maxRetryTime: 200, retries: 5 },
  });
  const admin = kafka.admin();
  const transactionalId = `tidemark-health-${id}`; // of its own: nodes that start together must not fence each other
  const producer = kafka.producer({ transactionalId, maxInFlightRequests: 1, idempotent: true });
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
