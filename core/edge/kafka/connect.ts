// The first connection of a program: where the cluster can't be reached as the settings say, which of them it is. kafkajs would try
// for long what no trying mends, and its errors name no setting.

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type SettingProblem, SettingsError } from '../settings-reader.ts';
import { createKafka, type KafkaSettings } from './client.ts';

const PATIENCE_MS = 15_000;
const PAUSE_MS = 1000;

/** Waits a while for the cluster to answer; throws SettingsError at once where only another setting helps, else when the time is up. */
export async function checkConnection(settings: KafkaSettings, log: Logger, patienceMs = PATIENCE_MS): Promise<void> {
  if (settings.sasl?.mechanism === 'plain' && !settings.tls)
    log.warn('KAFKA_SASL_MECHANISM is PLAIN and KAFKA_SSL is off: the password goes over the network as it is');
  const kafka = createKafka(settings, log, 'tidemark-start', 0);
  for (const deadline = Date.now() + patienceMs; ; ) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      // A listener with SASL answers its first request to anyone.
      await admin.describeCluster();
      return;
    } catch (error) {
      const problem = connectionProblem(error, settings);
      if (problem) throw new SettingsError([problem]);
      if (Date.now() > deadline) throw new SettingsError([noAnswer(error, settings)]);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
    await delay(PAUSE_MS);
  }
}

/** What an error says of the settings; null where another try may help. Brokers' words are repeated: they never quote a password. */
export function connectionProblem(error: unknown, { sasl }: KafkaSettings): SettingProblem | null {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const found = at.message;
    if (at.name === 'KafkaJSSASLAuthenticationError') {
      const mechanism = sasl?.mechanism.toUpperCase();
      if (/not supported by the server/.test(found))
        return { name: 'KAFKA_SASL_MECHANISM', found, expected: 'a mechanism that the brokers offer', advice: '' };
      const expected = `a user, and its password, that the brokers know for ${mechanism}`;
      return { name: 'KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD', found, expected, advice: '' };
    }
    const code = 'code' in at && typeof at.code === 'string' ? at.code : '';
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
      const expected = 'brokers by names that are in their certificates (Subject Alternative Names)';
      return { name: 'KAFKA_BROKERS', found, expected, advice: '' };
    }
    if (untrusted.test(code)) {
      const expected = "the PEM of the authorities that sign the brokers' certificates";
      return { name: 'KAFKA_SSL_CA', found: `${found} (${code})`, expected, advice: '' };
    }
    if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
      const advice = 'Name a listener that speaks TLS in KAFKA_BROKERS, or leave KAFKA_SSL and KAFKA_SSL_CA out.';
      return { name: 'KAFKA_SSL', found: `an answer that is not TLS (${code})`, expected: 'TLS', advice };
    }
  }
  return null;
}

// OpenSSL's names for a chain that ends nowhere we know, or not now.
const untrusted = /^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|CERT_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH)/;

function noAnswer(error: unknown, { tls, sasl }: KafkaSettings): SettingProblem {
  const how = [tls ? 'TLS' : 'no TLS', sasl ? `SASL ${sasl.mechanism.toUpperCase()}` : 'no SASL'].join(' and ');
  const found = `no answer with ${how}: ${error instanceof Error ? error.message : error}`;
  const advice = 'Do KAFKA_SSL, KAFKA_SSL_CA and KAFKA_SASL_MECHANISM say what its listener wants?';
  return { name: 'KAFKA_BROKERS', found, expected: 'a broker that answers', advice };
}
