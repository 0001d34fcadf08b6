// Which setting an error of the first connection is about. The real errors are in test/integration/secured.test.ts.

import { expect, test } from 'vitest';
import { connectionProblem } from '../../../core/edge/kafka/connect.ts';

const settings = {
  brokers: ['a:1'],
  tls: { ca: null },
  sasl: { mechanism: 'plain', username: 'u', password: 'p' },
} as const;

const made = (name: string, message: string, code?: string) => Object.assign(new Error(message), { name, code });
const sasl = 'KafkaJSSASLAuthenticationError';

test.each([
  [made(sasl, 'SASL PLAIN authentication failed: no'), 'KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD'],
  [made(sasl, 'SASL PLAIN mechanism is not supported by the server'), 'KAFKA_SASL_MECHANISM'],
  [made('KafkaJSConnectionError', 'x', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), 'KAFKA_SSL_CA'],
  [made('KafkaJSConnectionError', 'x', 'CERT_HAS_EXPIRED'), 'KAFKA_SSL_CA'],
  [made('KafkaJSConnectionError', 'x', 'ERR_TLS_CERT_ALTNAME_INVALID'), 'KAFKA_BROKERS'],
  [made('KafkaJSConnectionError', 'x', 'EPROTO'), 'KAFKA_SSL'],
])('%s', (error, name) => {
  expect(connectionProblem(error, settings)?.name).toBe(name);
  expect(connectionProblem(new Error('gave up', { cause: error }), settings)?.name).toBe(name);
});

test('what another try may mend names no setting', () => {
  expect(connectionProblem(made('KafkaJSConnectionError', 'x', 'ECONNREFUSED'), settings)).toBeNull();
  expect(connectionProblem('nonsense', settings)).toBeNull();
});
