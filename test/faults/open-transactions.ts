// What a broker says of the transactions that are open in a partition, by Kafka's own tool: whether what holds a reader up is one that
// its coordinator has lost.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchOnce } from '../../infra/local/fetch/once.ts';
import { kafkaPackage } from '../../infra/local/fetch/packages.ts';
import { javaCommand } from '../../infra/local/fetch/tools.ts';

/** The producers of a partition, a line each, with where their open transaction starts. */
export async function describeProducers(brokers: string, topic: string, partition: number): Promise<string> {
  const libs = join(await fetchOnce(kafkaPackage, () => {}), 'libs', '*');
  const command = [
    '--bootstrap-server',
    brokers,
    'describe-producers',
    '--topic',
    topic,
    '--partition',
    `${partition}`,
  ];
  const java = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', libs, 'org.apache.kafka.tools.TransactionsCommand'];
  const { stdout } = await promisify(execFile)(javaCommand(), [...java, ...command], { timeout: 30_000 });
  return stdout;
}
