/** Options of an auditor, with the environment's usual variables for what is left out; all errors in one message. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { KafkaConfig } from 'kafkajs';
import { v7 as uuidv7 } from 'uuid';
import { defaultKey } from '../../core/event/index.ts';
import { type RegistrySettings, registrySettingsFrom } from '../../schemas/index.ts';
import type { AuditEvent, Origin } from '../../schemas/types.ts';
import type { AuditorSettings } from './auditor.ts';
import { microClock } from './clock.ts';
import { AuditError } from './error.ts';
import type { KafkaTransportSettings } from './kafka-transport.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface AuditorOptions {
  /** Name of the service. Default: `OTEL_SERVICE_NAME`. */
  readonly service?: string | undefined;
  /** Default: `service.version` of `OTEL_RESOURCE_ATTRIBUTES`, `npm_package_version`. */
  readonly version?: string | undefined;
  /** Default: `GIT_COMMIT`, `GITHUB_SHA`, `CI_COMMIT_SHA`. */
  readonly commit?: string | undefined;
  /** Default: `deployment.environment.name` of `OTEL_RESOURCE_ATTRIBUTES`, `NODE_ENV`. */
  readonly environment?: string | undefined;
  /** Default: `cloud.region` of `OTEL_RESOURCE_ATTRIBUTES`, `AWS_REGION`. */
  readonly region?: string | undefined;
  /** Default: the host's name. */
  readonly host?: string | undefined;
  /** Addresses of Kafka brokers. Default: `KAFKA_BROKERS`, separated by commas. */
  readonly brokers?: string | readonly string[] | undefined;
  /** Configuration of kafkajs, such as `ssl` and `sasl`; wins over `brokers` and the `KAFKA_` variables. */
  readonly kafka?: Partial<KafkaConfig> | undefined;
  /** Schema registry. Default: `SCHEMA_REGISTRY_URL`, `SCHEMA_REGISTRY_TOKEN`, `SCHEMA_REGISTRATION`. */
  readonly registry?: string | RegistrySettings | undefined;
  /** Default: `TIDEMARK_RAW_TOPIC`, `audit.raw`. */
  readonly topic?: string | undefined;
  /** Within a key order is kept. Default: `type/id` of the first target. Not personal, never secret. */
  readonly key?: ((event: AuditEvent) => string) | undefined;
  /** Told of each failure of `emit`, and of a failing end. */
  readonly onError?: ((error: AuditError) => void) | undefined;
  /** Told what the Kafka client has to say. Default: nobody. */
  readonly log?: ((level: LogLevel, message: string) => void) | undefined;
  /** Milliseconds to collect events in after a pause. Default 5. */
  readonly lingerMs?: number | undefined;
  /** Milliseconds after which an event is given up. Default 60 000. */
  readonly deliveryTimeoutMs?: number | undefined;
  /** Milliseconds that one attempt may take. Default 15 000. */
  readonly requestTimeoutMs?: number | undefined;
  /** Bytes of the largest event. Default 900 000: below what a broker takes by default. */
  readonly maxEventBytes?: number | undefined;
  /** Events that may wait. Default 10 000. */
  readonly maxQueuedEvents?: number | undefined;
  /** Bytes that may wait. Default 64 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  /** For programs of tidemark itself: may record `audit.` actions. */
  readonly reserved?: boolean | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const MAX_BATCH_BYTES = 1_000_000;
const NUMBERS = {
  lingerMs: [5, 0, 60_000],
  deliveryTimeoutMs: [60_000, 1, 86_400_000],
  requestTimeoutMs: [15_000, 1, 600_000],
  maxEventBytes: [900_000, 1000, MAX_BATCH_BYTES],
  maxQueuedEvents: [10_000, 1, 10_000_000],
  maxQueuedBytes: [67_108_864, 1000, 17_179_869_184],
} as const;

/** What an auditor needs, from its options and the environment. Throws AuditError with code invalid-options. */
export function resolveOptions(
  options: AuditorOptions,
  env: Environment,
): { auditor: AuditorSettings; transport: KafkaTransportSettings } {
  const problems: string[] = [];
  const origin = resolveOrigin(options, env, problems);
  const kafka = resolveKafka(options, env, problems);
  const registry = resolveRegistry(options, env, problems);
  const numbers = resolveNumbers(options, problems);
  for (const name of ['key', 'onError', 'log'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function')
      problems.push(`${name}: expected a function`);
  }
  if (problems.length > 0) throw new AuditError('invalid-options', `Invalid options: ${problems.join('; ')}`);
  const auditor: AuditorSettings = {
    ...numbers,
    origin,
    instance: uuidv7(),
    maxBatchBytes: MAX_BATCH_BYTES,
    retryMs: { first: 100, longest: 5000 },
    reserved: options.reserved === true,
    key: options.key ?? defaultKey,
    onError: options.onError ?? (() => undefined),
    newId: uuidv7,
    now: microClock(),
  };
  const topic = options.topic ?? given(env.TIDEMARK_RAW_TOPIC) ?? 'audit.raw';
  // A client id of its own: what is changed for our connections is changed for no other of the process.
  const clientId = `tidemark-sdk-${auditor.instance}`;
  const log = options.log ?? (() => undefined);
  return { auditor, transport: { kafka, clientId, registry, topic, log } };
}

function resolveOrigin(options: AuditorOptions, env: Environment, problems: string[]): Origin {
  const resource = resourceAttributes(env.OTEL_RESOURCE_ATTRIBUTES);
  const service = options.service ?? given(env.OTEL_SERVICE_NAME) ?? resource.get('service.name') ?? '';
  if (service === '') problems.push('service: found nothing, expected a name (or OTEL_SERVICE_NAME)');
  const environment = resource.get('deployment.environment.name') ?? resource.get('deployment.environment');
  return {
    service,
    version: options.version ?? resource.get('service.version') ?? given(env.npm_package_version) ?? null,
    commit: options.commit ?? given(env.GIT_COMMIT) ?? given(env.GITHUB_SHA) ?? given(env.CI_COMMIT_SHA) ?? null,
    environment: options.environment ?? environment ?? given(env.NODE_ENV) ?? null,
    region: options.region ?? resource.get('cloud.region') ?? given(env.AWS_REGION) ?? null,
    host: options.host ?? given(hostname()) ?? null,
  };
}

function resolveKafka(options: AuditorOptions, env: Environment, problems: string[]): KafkaConfig {
  const listed = options.brokers ?? given(env.KAFKA_BROKERS) ?? [];
  const brokers = (typeof listed === 'string' ? listed.split(',') : [...listed]).map(broker => broker.trim());
  const config: KafkaConfig = { brokers, ...resolveSecurity(env, problems), ...options.kafka };
  if (Array.isArray(config.brokers) && config.brokers.filter(broker => broker !== '').length === 0) {
    problems.push('brokers: found none, expected addresses (or KAFKA_BROKERS)');
  }
  return config;
}

function resolveSecurity(env: Environment, problems: string[]): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  const security: Pick<KafkaConfig, 'ssl' | 'sasl'> = {};
  const authority = given(env.KAFKA_SSL_CA);
  const wanted = given(env.KAFKA_SSL);
  if (wanted !== undefined && wanted !== 'true' && wanted !== 'false')
    problems.push('KAFKA_SSL: expected true or false');
  if (wanted === 'false' && authority !== undefined)
    problems.push('KAFKA_SSL: found false, expected true or nothing, since KAFKA_SSL_CA is set');
  if (authority !== undefined) security.ssl = resolveAuthority(authority, problems);
  else if (wanted === 'true') security.ssl = true;
  const mechanism = given(env.KAFKA_SASL_MECHANISM)?.toLowerCase();
  if (mechanism === undefined) return security;
  const username = given(env.KAFKA_SASL_USERNAME);
  const password = given(env.KAFKA_SASL_PASSWORD);
  if (mechanism !== 'plain' && mechanism !== 'scram-sha-256' && mechanism !== 'scram-sha-512') {
    problems.push('KAFKA_SASL_MECHANISM: expected PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512');
  } else if (username === undefined || password === undefined) {
    problems.push('KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD: expected both with KAFKA_SASL_MECHANISM');
  } else if (mechanism === 'plain') security.sasl = { mechanism, username, password };
  else if (mechanism === 'scram-sha-256') security.sasl = { mechanism, username, password };
  else security.sasl = { mechanism, username, password };
  return security;
}

/** A PEM file, the PEM itself, or `true` for the authorities that Node knows. */
function resolveAuthority(authority: string, problems: string[]): NonNullable<KafkaConfig['ssl']> {
  if (authority === 'true') return true;
  // In an environment file a PEM's line ends are often written as \n.
  if (authority.includes('-----BEGIN')) return { ca: [authority.replaceAll('\\n', '\n')] };
  try {
    return { ca: [readFileSync(authority, 'utf8')] };
  } catch {
    const shown = authority.length <= 120 && !/\s/.test(authority) ? ` ${authority}` : ' of that name';
    problems.push(`KAFKA_SSL_CA: found no file${shown}, expected a PEM file, a PEM or true`);
    return true;
  }
}

function resolveRegistry(options: AuditorOptions, env: Environment, problems: string[]): RegistrySettings {
  const { registry } = options;
  const settings = typeof registry === 'string' ? { url: registry } : (registry ?? registrySettingsFrom(env));
  if (settings?.token !== undefined && !/^[!-~]*$/.test(settings.token)) {
    problems.push('registry: found a token with spaces or line ends, expected one line (or SCHEMA_REGISTRY_TOKEN)');
    return { url: 'http://localhost' };
  }
  if (settings !== undefined && URL.canParse(settings.url)) return settings;
  const found = settings === undefined ? 'nothing' : 'no address';
  problems.push(`registry: found ${found}, expected the address of a schema registry (or SCHEMA_REGISTRY_URL)`);
  return { url: 'http://localhost' };
}

function resolveNumbers(options: AuditorOptions, problems: string[]): { [name in keyof typeof NUMBERS]: number } {
  const number = (name: keyof typeof NUMBERS): number => {
    const [standard, least, most] = NUMBERS[name];
    const value = options[name] ?? standard;
    if (!(Number.isFinite(value) && value >= least && value <= most)) {
      problems.push(`${name}: expected a number from ${least} to ${most}`);
    }
    return value;
  };
  return {
    lingerMs: number('lingerMs'),
    deliveryTimeoutMs: number('deliveryTimeoutMs'),
    requestTimeoutMs: number('requestTimeoutMs'),
    maxEventBytes: number('maxEventBytes'),
    maxQueuedEvents: number('maxQueuedEvents'),
    maxQueuedBytes: number('maxQueuedBytes'),
  };
}

/** `key1=value1,key2=value2`, values percent-encoded (OpenTelemetry resource specification). */
function resourceAttributes(text: string | undefined): Map<string, string> {
  const pairs = (text ?? '').split(',').flatMap(pair => {
    const at = pair.indexOf('=');
    return at > 0 ? [[pair.slice(0, at).trim(), decode(pair.slice(at + 1).trim())] as const] : [];
  });
  return new Map(pairs.filter(([, value]) => value !== ''));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
