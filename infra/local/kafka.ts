// Apache Kafka on free ports, ready when the coordinators answer: one broker, or a cluster in which every partition has three copies.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { patchKafka } from '../../core/edge/kafka/index.ts';
import { fetchOnce, type Progress } from './fetch/once.ts';
import { kafkaPackage } from './fetch/packages.ts';
import { createRunFolder, removeRunFolder } from './folders.ts';
import { type KafkaServer, type NodePlan, startNode } from './kafka-node.ts';
import type { KafkaSecurity } from './kafka-secure.ts';
import { onFreePorts } from './ports.ts';

export type { KafkaServer } from './kafka-node.ts';

export type KafkaOptions = {
  /** Broker properties beside, or instead of, those of kafka-node.ts. */
  properties?: Record<string, string> | undefined;
  /** Opens a second listener, with TLS and SASL. */
  security?: KafkaSecurity | undefined;
  /** Opens a listener whose clients are told that it is at this port, of a proxy before it, which passes on to `viaPort`. */
  via?: number | undefined;
  progress?: Progress | undefined;
};

export type ClusterOptions = {
  properties?: Record<string, string> | undefined;
  /** As of one broker, a port for each. */
  via?: readonly number[] | undefined;
  progress?: Progress | undefined;
};

/** Three brokers or more, each of which may be taken away alone. */
export type KafkaCluster = {
  /** Of all, as in `KAFKA_BROKERS`. */
  readonly brokers: string;
  readonly nodes: readonly KafkaServer[];
  stop(): Promise<void>;
};

export async function startKafka({ properties, security, via, progress }: KafkaOptions = {}): Promise<KafkaServer> {
  const nodes = await startNodes([via], { properties, security, progress });
  const [node] = nodes;
  if (!node) throw new TypeError('one was started');
  return node;
}

/** `size` brokers; topics get three copies, of which two have to have what counts as written. */
export async function startKafkaCluster(
  size: number,
  { properties, via = [], progress }: ClusterOptions = {},
): Promise<KafkaCluster> {
  const ports = Array.from({ length: size }, (_, index) => via[index]);
  const nodes = await startNodes(ports, { properties, security: undefined, progress });
  return {
    brokers: nodes.map(({ brokers }) => brokers).join(','),
    nodes,
    stop: async () => {
      await Promise.all(nodes.map(node => node.stop()));
    },
  };
}

const portsPerNode = 4;

async function startNodes(
  via: readonly (number | undefined)[],
  { properties, security, progress = () => {} }: Pick<KafkaOptions, 'properties' | 'security' | 'progress'>,
): Promise<KafkaServer[]> {
  patchKafka();
  const libs = join(await fetchOnce(kafkaPackage, progress), 'libs');
  const clusterId = randomBytes(16).toString('base64url');
  return onFreePorts(via.length * portsPerNode, async ports => {
    const of = (index: number, which: number): number => ports[index * portsPerNode + which] ?? 0;
    const controllers = via.map((_, index) => of(index, 1));
    const plans = via.map(async (port, index): Promise<NodePlan> => {
      const folder = await createRunFolder('kafka');
      const own = { port: of(index, 0), securePort: of(index, 2), viaPort: of(index, 3) };
      return { libs, folder, clusterId, id: index + 1, controllers, ...own, via: port, security, properties };
    });
    return startTogether(await Promise.all(plans));
  });
}

/** All of them, or none. */
async function startTogether(plans: readonly NodePlan[]): Promise<KafkaServer[]> {
  const starts = await Promise.allSettled(plans.map(startNode));
  const nodes = starts.flatMap(start => (start.status === 'fulfilled' ? [start.value] : []));
  const failed = starts.find(start => start.status === 'rejected');
  if (!failed) return nodes;
  await Promise.all(nodes.map(node => node.stop()));
  for (const { folder } of plans) removeRunFolder(folder);
  throw failed.reason;
}
