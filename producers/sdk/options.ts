/** Options of an auditor, with the environment's usual variables for what is left out; all errors in one message. */
import type { KafkaConfig } from 'kafkajs';
import { v7 as uuidv7 } from 'uuid';
import { defaultKey } from '../../core/event/index.ts';
import { isSourceName } from '../../core/proof/source.ts';
import { type RegistrySettings, registrySettingsFrom } from '../../schemas/index.ts';
import type { AuditEvent } from '../../schemas/types.ts';
import type { Actions } from './actions.ts';
import type { AuditorSettings } from './auditor.ts';
import { microClock } from './clock.ts';
import { AuditError } from './error.ts';
import { eventIds } from './event-id.ts';
import type { HttpTransportSettings } from './http/http-transport.ts';
import type { KafkaTransportSettings } from './kafka-transport.ts';
import { createMask, type MaskOptions } from './masking.ts';
import {
  type Environment,
  findOrigin,
  given,
  type OriginOptions,
  type Surroundings,
  surroundingsOf,
} from './origin.ts';
import { readPem } from './pem.ts';
import { type SecretField, secretFields } from './secret-fields.ts';
import { type Source, sourceFromPem } from './source-proof.ts';
import { resolveSpool, type SpoolOptions, type SpoolPlan } from './spool/options.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface AuditorOptions extends OriginOptions {
  /**
   * Where events go. `console` prints them instead of recording them: for development, never where the environment is
   * production. Default: `TIDEMARK_TRANSPORT`, `gateway` where there is a `url`, else `kafka`.
   */
  readonly transport?: 'kafka' | 'gateway' | 'console' | undefined;
  /** Address of a gateway, where events go instead of to Kafka; with `apiKey`. Default: `TIDEMARK_GATEWAY_URL`. */
  readonly url?: string | undefined;
  /** The service's API key at the gateway. Default: `TIDEMARK_API_KEY`. */
  readonly apiKey?: string | undefined;
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
  /** Told of each failure of `emit`, and of a failing end. Default: the first of each kind is a warning of the process. */
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
  /** Where events wait on disk while Kafka is away. Default: nowhere, they wait in memory. */
  readonly spool?: SpoolOptions | undefined;
  /** The actions that may be recorded, by `defineActions`; events are completed and checked by them. Default: any. */
  readonly actions?: Actions | undefined;
  /** What is masked before it leaves the process: well-known secrets and card numbers, unless it says otherwise. */
  readonly mask?: MaskOptions | undefined;
  /** Fields whose values `change` never records, beside the well-known ones such as `password`, `token` and `apiKey`. */
  readonly secretFields?: readonly SecretField[] | undefined;
  /** Fields that would be taken for secret ones by their name, and are none. */
  readonly clearFields?: readonly SecretField[] | undefined;
  /**
   * The service's own private key, Ed25519: PEM, or a file of it. What is sent is signed by it. Default:
   * `TIDEMARK_SOURCE_KEY`; without one nothing is signed.
   */
  readonly sourceKey?: string | undefined;
  /** For programs of tidemark itself: may record `audit.` actions. */
  readonly reserved?: boolean | undefined;
}

const MAX_BATCH_BYTES = 1_000_000;
const NUMBERS = {
  lingerMs: [5, 0, 60_000],
  deliveryTimeoutMs: [60_000, 1, 86_400_000],
  requestTimeoutMs: [15_000, 1, 600_000],
  maxEventBytes: [900_000, 1000, MAX_BATCH_BYTES],
  maxQueuedEvents: [10_000, 1, 10_000_000],
  maxQueuedBytes: [67_108_864, 1000, 17_179_869_184],
} as const;

/** Where events go. */
export type Way =
  | ({ readonly kind: 'kafka' } & KafkaTransportSettings)
  | ({ readonly kind: 'gateway' } & HttpTransportSettings)
  | { readonly kind: 'console' };

/** What an auditor needs, from its options and the environment. Throws AuditError with code invalid-options. */
export function resolveOptions(
  options: AuditorOptions,
  env: Environment,
  surroundings: Surroundings = surroundingsOf(env),
): { auditor: AuditorSettings; transport: Way; spool: SpoolPlan | null } {
  const problems: string[] = [];
  const { origin, settings } = resolveEvents(options, surroundings, problems);
  const way = resolveTransport(options, env, origin.environment, problems);
  const isKafka = way === 'kafka';
  const gateway = way === 'gateway' ? resolveGateway(options, env, problems) : null;
  const kafka = isKafka ? resolveKafka(options, env, problems) : null;
  const registry = isKafka ? resolveRegistry(options, env, problems) : null;
  const source = isKafka ? resolveSource(options, env, origin.service, problems) : undefined;
  const spool = way === 'console' || options.spool === undefined ? null : resolveSpool(options.spool, problems);
  refuse(problems);
  const auditor = settings();
  if (gateway !== null) return { auditor, transport: { kind: 'gateway', ...gateway }, spool };
  if (kafka === null || registry === null) return { auditor, transport: { kind: 'console' }, spool };
  const topic = options.topic ?? given(env.TIDEMARK_RAW_TOPIC) ?? 'audit.raw';
  // A client id of its own: what is changed for our connections is changed for no other of the process.
  const clientId = `tidemark-sdk-${auditor.instance}`;
  const log = options.log ?? (() => undefined);
  return { auditor, transport: { kind: 'kafka', kafka, clientId, registry, topic, source, log }, spool };
}

/** What events are made by, where they go nowhere from here. Throws AuditError with code invalid-options. */
export function resolveSettings(options: AuditorOptions, env: Environment): AuditorSettings {
  const problems: string[] = [];
  const { settings } = resolveEvents(options, surroundingsOf(env), problems);
  refuse(problems);
  return settings();
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new AuditError('invalid-options', `Invalid options: ${problems.join('; ')}`);
}

/** `settings`: once it is known that nothing is wrong. */
function resolveEvents(options: AuditorOptions, surroundings: Surroundings, problems: string[]) {
  const origin = findOrigin(options, surroundings);
  if (origin.service === '') problems.push('service: found nothing, expected a name (or OTEL_SERVICE_NAME)');
  const numbers = resolveNumbers(options, problems);
  for (const name of ['key', 'onError', 'log'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function')
      problems.push(`${name}: expected a function`);
  }
  const settings = (): AuditorSettings => ({
    ...numbers,
    origin,
    instance: uuidv7(),
    maxBatchBytes: MAX_BATCH_BYTES,
    retryMs: { first: 100, longest: 5000 },
    reserved: options.reserved === true,
    declarations: options.actions?.declarations,
    mask: createMask(options.mask),
    isSecretField: secretFields(options.secretFields, options.clearFields),
    key: options.key ?? defaultKey,
    onError: options.onError ?? warnOnce(),
    newId: eventIds(),
    now: microClock(),
  });
  return { origin, settings };
}

function resolveTransport(
  options: AuditorOptions,
  env: Environment,
  environment: string | null,
  problems: string[],
): string {
  const isLocal = options.brokers !== undefined || options.kafka !== undefined;
  const url = options.url ?? (isLocal ? undefined : given(env.TIDEMARK_GATEWAY_URL));
  const transport = options.transport ?? given(env.TIDEMARK_TRANSPORT) ?? (url === undefined ? 'kafka' : 'gateway');
  if (transport === 'gateway') {
    if (isLocal) problems.push('url: found brokers beside it, expected the one or the other');
    return transport;
  }
  if (transport !== 'kafka' && transport !== 'console') problems.push('transport: expected kafka, gateway or console');
  // What is printed is recorded nowhere: in production that would be a hole that nobody sees.
  const inProduction = [environment, env.NODE_ENV].some(one => /^prod/i.test(one ?? ''));
  if (transport === 'console' && inProduction) {
    problems.push('transport: found console in production, expected kafka (or TIDEMARK_TRANSPORT)');
  }
  return transport;
}

function resolveGateway(options: AuditorOptions, env: Environment, problems: string[]): HttpTransportSettings {
  const url = options.url ?? given(env.TIDEMARK_GATEWAY_URL) ?? '';
  const apiKey = options.apiKey ?? given(env.TIDEMARK_API_KEY) ?? '';
  const nowhere = new URL('http://localhost');
  if (!/^[!-~]+$/.test(apiKey)) {
    const found = apiKey === '' ? 'nothing' : 'a text with spaces or line ends';
    problems.push(`apiKey: found ${found}, expected the API key of this service (or TIDEMARK_API_KEY)`);
  }
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed && /^https?:$/.test(parsed.protocol) && parsed.username === '') return { url: parsed, apiKey };
  problems.push('url: expected the http or https address of a gateway, without a user (or TIDEMARK_GATEWAY_URL)');
  return { url: nowhere, apiKey };
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
  const read = readPem(authority);
  if ('pem' in read) return { ca: [read.pem] };
  problems.push(`KAFKA_SSL_CA: ${read.found}, expected a PEM file, a PEM or true`);
  return true;
}

/** Checked at once: a service that can't sign must not find out when it runs and is refused. */
function resolveSource(
  options: AuditorOptions,
  env: Environment,
  service: string,
  problems: string[],
): Source | undefined {
  const key = options.sourceKey ?? given(env.TIDEMARK_SOURCE_KEY);
  if (key === undefined) return undefined;
  const name = options.sourceKey === undefined ? 'TIDEMARK_SOURCE_KEY' : 'sourceKey';
  if (!isSourceName(service)) {
    problems.push(
      `service: expected a name of at most 200 characters without spaces and "+", since ${name} signs by it`,
    );
    return undefined;
  }
  const read = readPem(key);
  try {
    if ('pem' in read) return sourceFromPem(service, read.pem);
    problems.push(`${name}: ${read.found}, expected an Ed25519 private key (PEM), or a file of it`);
  } catch {
    problems.push(`${name}: found no Ed25519 private key, expected one in PEM (tidemark keys generate makes one)`);
  }
  return undefined;
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

/** What nobody listens to is not silent, and fills no log either. */
function warnOnce(): (error: AuditError) => void {
  const told = new Set<string>();
  return ({ code, message, problems }) => {
    if (told.has(code)) return;
    told.add(code);
    // Without what was found: that is the caller's data, and this goes into a log.
    const rules = problems.map(({ field, expected }) => `${field}: expected ${expected}`).join('; ');
    const what = `an audit event was not recorded: ${rules === '' ? message : rules}`;
    process.emitWarning(`${what}. Told once: give createAuditor an onError`, { type: 'TidemarkWarning', code });
  };
}
