import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { StackError } from '../../../infra/local/errors.ts';
import { onFreePorts } from '../../../infra/local/ports.ts';
import { startStack } from '../../../infra/local/stack.ts';

test('servers that the environment names are used, and none is started', async () => {
  const env = {
    KAFKA_BROKERS: 'kafka.test:9092',
    KAFKA_SSL_CA: '/etc/ca.pem',
    KAFKA_SASL_MECHANISM: 'PLAIN',
    KAFKA_SASL_USERNAME: 'user',
    KAFKA_SASL_PASSWORD: 'password',
    SCHEMA_REGISTRY_URL: 'https://registry.test',
    SCHEMA_REGISTRY_TOKEN: 'token',
    S3_ENDPOINT: 'https://s3.test',
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_REGION: 'eu-central-1',
  };
  const stack = await startStack({ env: { ...env, PATH: '/nowhere', HOME: '/root' } });
  expect(stack.env).toEqual(env);
  expect([stack.kafka, stack.registry, stack.s3]).toEqual([undefined, undefined, undefined]);
  await stack.stop();
});

test('a start whose port was taken in between is tried again on other ports', async () => {
  const seen: number[] = [];
  const port = await onFreePorts(1, async ([free = 0]) => {
    seen.push(free);
    if (seen.length === 1) throw new StackError('port-taken', 'address already in use');
    return free;
  });
  expect(seen).toHaveLength(2);
  expect(port).toBe(seen[1]);
});

test('any other failure of a start is not tried again', async () => {
  let starts = 0;
  const failing = onFreePorts(1, async () => {
    starts++;
    throw new StackError('start-failed', 'no such setting');
  });
  await expect(failing).rejects.toThrow('no such setting');
  expect(starts).toBe(1);
});

test('ports are free, distinct, and below those that the system gives to clients', async () => {
  await onFreePorts(8, async ports => {
    expect(new Set(ports).size).toBe(8);
    for (const port of ports) {
      expect(port).toBeLessThan(32_768);
      await new Promise<void>((resolve, reject) => {
        const server = createServer().once('error', reject);
        server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
      });
    }
  });
});
