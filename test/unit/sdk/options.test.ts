import { join } from 'node:path';
import { expect, test } from 'vitest';
import { auditorOver } from '../../../producers/sdk/auditor.ts';
import { ConsoleTransport } from '../../../producers/sdk/console-transport.ts';
import { createAuditor } from '../../../producers/sdk/index.ts';
import type { KafkaTransportSettings } from '../../../producers/sdk/kafka-transport.ts';
import { type AuditorOptions, resolveOptions } from '../../../producers/sdk/options.ts';

const enough = { service: 's', brokers: 'a:1', registry: 'http://r' };

test('the environment names what the options leave out', () => {
  const { auditor, transport } = resolveOptions(
    {},
    {
      OTEL_SERVICE_NAME: 'billing',
      OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.2,deployment.environment.name=pro%20d,cloud.region=eu',
      GITHUB_SHA: 'abc',
      KAFKA_BROKERS: 'a:1, b:2',
      KAFKA_SSL_CA: '-----BEGIN CERTIFICATE-----',
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256',
      KAFKA_SASL_USERNAME: 'u',
      KAFKA_SASL_PASSWORD: 'p',
      SCHEMA_REGISTRY_URL: 'http://r',
      SCHEMA_REGISTRATION: 'lookup',
      TIDEMARK_RAW_TOPIC: 'raw',
    },
  );
  expect(auditor.origin).toMatchObject({
    service: 'billing',
    version: '1.2',
    commit: 'abc',
    environment: 'pro d',
    region: 'eu',
  });
  expect(transport).toMatchObject({
    topic: 'raw',
    registry: { url: 'http://r', registration: 'lookup' },
    kafka: {
      brokers: ['a:1', 'b:2'],
      ssl: { ca: ['-----BEGIN CERTIFICATE-----'] },
      sasl: { mechanism: 'scram-sha-256', username: 'u', password: 'p' },
    },
  });
});

test('options win over the environment', () => {
  const options: AuditorOptions = { ...enough, topic: 't', kafka: { brokers: ['c:3'], ssl: true } };
  const env = {
    OTEL_SERVICE_NAME: 'x',
    KAFKA_BROKERS: 'x:1',
    SCHEMA_REGISTRY_URL: 'http://x',
    TIDEMARK_RAW_TOPIC: 'x',
  };
  const { auditor, transport } = resolveOptions(options, env);
  expect(auditor.origin.service).toBe('s');
  expect(transport).toMatchObject({
    topic: 't',
    registry: { url: 'http://r' },
    kafka: { brokers: ['c:3'], ssl: true },
  });
});

test('TLS as the environment has it', () => {
  const ssl = (env: Record<string, string>) =>
    (resolveOptions(enough, env).transport as KafkaTransportSettings).kafka.ssl;
  expect(ssl({})).toBeUndefined();
  expect(ssl({ KAFKA_SSL: 'true' })).toBe(true);
  expect(ssl({ KAFKA_SSL_CA: 'true' })).toBe(true);
  expect(ssl({ KAFKA_SSL_CA: '-----BEGIN\\nabc' })).toEqual({ ca: ['-----BEGIN\nabc'] });
  expect(() => ssl({ KAFKA_SSL: 'yes' })).toThrow(/KAFKA_SSL: expected true or false/);
  expect(() => ssl({ KAFKA_SSL: 'false', KAFKA_SSL_CA: 'true' })).toThrow(/KAFKA_SSL: found false/);
});

test('each auditor is an instance of its own', () => {
  const instances = [1, 2].map(() => resolveOptions(enough, {}).auditor.instance);
  expect(new Set(instances).size).toBe(2);
});

test('all errors in one message', () => {
  const env = { KAFKA_SASL_MECHANISM: 'GSSAPI', KAFKA_SSL_CA: '/nowhere/ca.pem' };
  const nowhere = { env, folders: [], hostname: '', read: () => undefined };
  const options = { lingerMs: -1, maxEventBytes: Number.NaN, onError: 5 } as unknown as AuditorOptions;
  expect(() => resolveOptions(options, env, nowhere)).toThrow(
    /service: .*brokers|service: .*KAFKA_SSL_CA: .*KAFKA_SASL_MECHANISM: .*brokers: .*registry: .*lingerMs: .*maxEventBytes: .*onError: /,
  );
  expect(() => createAuditor({ ...enough, registry: 'nonsense' })).toThrowError(
    expect.objectContaining({ code: 'invalid-options' }),
  );
});

test('a spool has its defaults, and all that is wrong with it is named', () => {
  const spool = (options: object) => resolveOptions({ ...enough, spool: options as never }, {}).spool;
  expect(resolveOptions(enough, {}).spool).toBeNull();
  expect(spool({ directory: 'a' })).toEqual({
    directory: join(process.cwd(), 'a'),
    maxBytes: 1_073_741_824,
    whenFull: 'fail',
    waitMs: 1000,
  });
  const wrong = { directory: '', maxBytes: 1, whenFull: 'never', waitMs: -1 };
  expect(() => spool(wrong)).toThrow(/spool.directory: .*spool.whenFull: .*spool.maxBytes: .*spool.waitMs: /);
  expect(() => spool({ directory: `/${'x'.repeat(80)}` })).toThrow(/spool.directory: found a path of 81 bytes/);
});

test('an auditor connects to nothing before its first event', async () => {
  const auditor = createAuditor({ ...enough, brokers: '127.0.0.1:1' });
  expect(auditor.stats().pending).toBe(0);
  await auditor.close();
});

test('the console needs no servers, prints what would be recorded, and is no transport for production', async () => {
  expect(resolveOptions({}, { TIDEMARK_TRANSPORT: 'console' }).transport).toEqual({ kind: 'console' });
  const lines: string[] = [];
  const { auditor: settings } = resolveOptions({ transport: 'console', service: 's' }, {});
  const auditor = auditorOver(new ConsoleTransport(line => lines.push(line)), { ...settings, lingerMs: 0 });
  await auditor.record({
    action: 'account.limit.change',
    actor: { kind: 'human', id: 'u-1' },
    tenant: 'acme',
    target: { type: 'account', id: '42', changes: [{ field: 'daily', before: 1, after: 'a\nb' }] },
    reason: 'asked',
    attributes: { ticket: 7 },
  });
  await auditor.close();
  expect(lines).toEqual([
    'audit: events are printed here and recorded nowhere (transport: console)',
    'audit: account.limit.change success account/42 by human u-1 (acme) because "asked"\n    daily: 1 → "a\\nb"\n    ticket = 7',
    `audit: audit.close success producer-instance/${auditor.instance}`,
  ]);
  for (const options of [{ environment: 'Production' }, { environment: 'prod-eu' }]) {
    expect(() => resolveOptions({ ...options, transport: 'console' }, {})).toThrow(/found console in production/);
  }
  expect(() => resolveOptions({ transport: 'console' }, { NODE_ENV: 'production' })).toThrow(/in production/);
  expect(() => resolveOptions({ ...enough, transport: 'file' as 'console' }, {})).toThrow(
    /expected kafka, gateway or console/,
  );
});

test('without an onError the first failure of each kind is a warning of the process, with nothing of the event', async () => {
  const warnings: { code?: string; message: string }[] = [];
  const listen = (warning: Error): void => {
    if (warning.name === 'TidemarkWarning') warnings.push(warning);
  };
  process.on('warning', listen);
  const auditor = createAuditor({ ...enough, brokers: '127.0.0.1:1' });
  for (let n = 0; n < 3; n++) auditor.emit({ action: 'Jane Doe', target: { type: 'x', id: '1' } });
  await new Promise(resolve => setImmediate(resolve));
  process.off('warning', listen);
  await auditor.close({ timeoutMs: 1 });
  expect(warnings.map(({ code }) => code)).toEqual(['invalid-event']);
  expect(warnings[0]?.message).toMatch(/^an audit event was not recorded: action: expected .*onError$/);
  expect(warnings[0]?.message).not.toContain('Jane');
});
