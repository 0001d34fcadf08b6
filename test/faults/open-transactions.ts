// Kafka's own tool for what brokers know of transactions (KIP-664): which are open in a partition, and to end one that its coordinator has
// lost.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchOnce } from '../../infra/local/fetch/once.ts';
import { kafkaPackage } from '../../infra/local/fetch/packages.ts';
import { javaCommand } from '../../infra/local/fetch/tools.ts';

/** What `kafka-transactions.sh` prints; throws where it fails. */
export async function runTransactionsTool(brokers: string, ...command: readonly string[]): Promise<string> {
  const libs = join(await fetchOnce(kafkaPackage, () => {}), 'libs', '*');
  const java = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', libs];
  const tool = ['org.apache.kafka.tools.TransactionsCommand', '--bootstrap-server', brokers, ...command];
  const { stdout } = await promisify(execFile)(javaCommand(), [...java, ...tool], { timeout: 60_000 });
  return stdout;
}
