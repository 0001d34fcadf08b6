// How a program reaches Kafka: kafkajs, mended and tried (patch.ts), with all codecs, TLS and SASL, its log in ours.

import kafkajs, { type Kafka, type KafkaConfig, type SASLOptions } from 'kafkajs';
import type { Logger } from 'pino';
import { registerCodecs } from './codecs.ts';
import { patchKafka } from './patch.ts';

export interface KafkaSettings {
  readonly brokers: readonly string[];
  /** Null: without TLS. `ca`: PEM of the authorities to trust; null: those that Node trusts. */
  readonly tls: { readonly ca: string | null } | null;
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  } | null;
}

/** A client of the cluster; nothing is connected yet. Throws `not-patched`. */
export function createKafka(settings: KafkaSettings, log: Logger, clientId: string, retries = 10): Kafka {
  patchKafka();
  registerCodecs();
  const config: KafkaConfig = {
    clientId,
    brokers: [...settings.brokers],
    connectionTimeout: 5000,
    requestTimeout: 15_000,
    retry: { initialRetryTime: 50, maxRetryTime: 2000, retries },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: logInto(log),
  };
  if (settings.tls) config.ssl = settings.tls.ca === null ? true : { ca: [settings.tls.ca] };
  if (settings.sasl) config.sasl = { ...settings.sasl } as SASLOptions;
  return new kafkajs.Kafka(config);
}

// One level lower than kafkajs has it: it calls an error what it then retries (CONCURRENT_TRANSACTIONS after each commit, a
// rebalance). What it gives up reaches us as an exception or as a crash, and we say so ourselves.
const levels = { ERROR: 'warn', WARN: 'info', INFO: 'debug', DEBUG: 'trace' } as const;

function logInto(log: Logger): NonNullable<KafkaConfig['logCreator']> {
  const child = log.child({ from: 'kafkajs' });
  return () => entry => {
    const level = levels[entry.label as keyof typeof levels] ?? 'debug';
    if (!child.isLevelEnabled(level)) return;
    const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...rest } = entry.log;
    const noise =
      /CONCURRENT_TRANSACTIONS|transactional operations|coordinator is loading|^Connection error|^Limiting retries/i;
    const text = `${message} ${typeof rest.error === 'string' ? rest.error : ''}`;
    child[noise.test(text) ? 'debug' : level]({ ...rest, namespace: entry.namespace }, message);
  };
}
