// The network of a run of faults: by what the programs and services of a world reach Kafka and S3. Each way to a broker goes through a proxy
// of ours, which knows what is asked for, and then through toxiproxy, which knows nothing and can slow down or cut anything.

import { type KafkaServer, startKafkaCluster } from '../../../infra/local/kafka.ts';
import { startToxiproxy, type ToxicProxy } from '../../../infra/local/toxiproxy.ts';
import { KafkaProxy } from './kafka-proxy.ts';

export interface Net {
  readonly nodes: readonly KafkaServer[];
  /** Their own addresses, as in KAFKA_BROKERS. */
  readonly brokers: string;
  /** The same by this net. */
  readonly ways: string;
  /** Before each node. */
  readonly kafka: readonly KafkaProxy[];
  /** The S3 server by this net, as in S3_ENDPOINT. */
  readonly s3: string;
  readonly toxic: { readonly kafka: readonly ToxicProxy[]; readonly s3: ToxicProxy };
  stop(): Promise<void>;
}

/** Starts so many brokers, and the net before them and before an S3 server. */
export async function startNet(size: number, s3: string): Promise<Net> {
  const ways = await Promise.all(Array.from({ length: size }, () => new KafkaProxy().open()));
  const cluster = await startKafkaCluster(size, {
    via: ways.map(({ port }) => port),
    // Soon back after a kill: the controllers wait for the dead broker's session.
    properties: { 'broker.session.timeout.ms': '3000' },
  });
  const ports = cluster.nodes.map(({ viaPort = 0 }) => viaPort);
  const toxiproxy = await startToxiproxy([...ports, Number(new URL(s3).port)]);
  const kafka = toxiproxy.proxies.slice(0, size);
  const last = toxiproxy.proxies[size];
  if (!last) throw new TypeError('one was started for each port');
  for (const [index, way] of ways.entries()) way.target = kafka[index]?.port ?? 0;
  return {
    nodes: cluster.nodes,
    brokers: cluster.brokers,
    ways: ways.map(({ port }) => `127.0.0.1:${port}`).join(','),
    kafka: ways,
    s3: `http://127.0.0.1:${last.port}`,
    toxic: { kafka, s3: last },
    stop: async () => {
      await Promise.all(ways.map(way => way.close()));
      await Promise.all([toxiproxy.stop(), cluster.stop()]);
    },
  };
}
