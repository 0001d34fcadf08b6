// The settings of the programs, parsed once from the environment into typed values; docs/ lists them. A program calls the one
// function for it, and passes parts of the answer on: nothing else reads the environment.

import { z } from 'zod';
import { parseKeyFile } from '../proof/keys.ts';
import { isKeyName, type Signer, type VerifierKey } from '../proof/note.ts';
import { type Duration, parseDuration } from '../proof/period.ts';
import { sealKeyName } from '../proof/seal.ts';
import { isSourceName } from '../proof/source.ts';
import { nodeCrypto, signerFromPem } from './crypto.ts';
import { type EnrichmentSettings, enrichmentSettings } from './enrichment-settings.ts';
import type { KafkaSettings } from './kafka/index.ts';
import { type EncryptionSettings, encryptionSettings } from './keys/settings.ts';
import { parseRetention, type Retention } from './retention.ts';
import { type Env, type Rule, SettingsReader } from './settings-reader.ts';

export type { EnrichmentSettings } from './enrichment-settings.ts';
export type { KafkaSettings } from './kafka/index.ts';
export { type Env, type SettingProblem, SettingsError } from './settings-reader.ts';

export interface RegistrySettings {
  /** With user and password in it, where it has them: a secret. */
  readonly url: string;
  readonly token: string | undefined;
  /** Whether schemas may be registered, or only looked up. */
  readonly registration: 'register' | 'lookup';
}

export interface S3Settings {
  /** Absent: AWS. */
  readonly endpoint: string | undefined;
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
}

export interface ArchiveSettings {
  readonly origin: string;
  readonly rawTopic: string;
  readonly eventsTopic: string;
  /** One higher whenever the raw topic's offsets begin anew. */
  readonly generation: number;
  readonly period: Duration;
}

interface ProgramSettings {
  readonly kafka: KafkaSettings;
  readonly registry: RegistrySettings;
  readonly s3: S3Settings;
  readonly archive: ArchiveSettings;
  readonly groupId: string;
  /** 0: any free one. */
  readonly httpPort: number;
}

export interface NormalizerSettings extends ProgramSettings {
  /** Signs seals. */
  readonly sealKey: Signer;
  /** Keys whose seals are gone on from: one's own and those of TIDEMARK_SEAL_VERIFIERS. */
  readonly sealVerifiers: readonly VerifierKey[];
  /** Keys whose manifests and checkpoints are believed, where the chain goes on from the archive: those of TIDEMARK_LOG_VERIFIERS and TIDEMARK_LOG_KEY. */
  readonly logVerifiers: readonly VerifierKey[];
  /** File of the policy; null: the default one. */
  readonly policy: string | null;
  /** Files and folders of the registered services; null: none are, and nobody's proof is looked at. */
  readonly services: readonly string[] | null;
  /** Files and folders of catalogues of actions; null: nobody declares any. */
  readonly actions: readonly string[] | null;
  readonly enrichment: EnrichmentSettings;
  /** Whether personal data is encrypted; `unset` where nobody has decided. */
  readonly encryption: EncryptionSettings;
}

export interface ArchiverSettings extends ProgramSettings {
  readonly archive: ArchiveSettings & { readonly retention: Retention };
  /** Signs manifests and checkpoints. */
  readonly logKey: Signer;
  /** Keys whose manifests and checkpoints are adopted: one's own and those of TIDEMARK_LOG_VERIFIERS. */
  readonly logVerifiers: readonly VerifierKey[];
  /** Keys whose seals are archived. */
  readonly sealVerifiers: readonly VerifierKey[];
}

type ReadFile = (path: string) => string;

/** Settings of the normalizer; throws SettingsError with all that is wrong. */
export function normalizerSettings(env: Env, readFile?: ReadFile): NormalizerSettings {
  const reader = new SettingsReader(env, readFile);
  const program = programSettings(reader, 'tidemark-normalizer');
  const sealKey = signerSetting(reader, 'TIDEMARK_SEAL_KEY', sealKeyName(program.archive.origin));
  const others = verifierSetting(reader, 'TIDEMARK_SEAL_VERIFIERS');
  const logVerifiers = verifierSetting(reader, 'TIDEMARK_LOG_VERIFIERS');
  if (reader.text('TIDEMARK_LOG_KEY') !== undefined) {
    const logKey = signerSetting(reader, 'TIDEMARK_LOG_KEY', program.archive.origin);
    if (logKey) logVerifiers.push(logKey.key);
  }
  const policy = reader.text('TIDEMARK_POLICY') ?? null;
  const services = reader.list('TIDEMARK_SERVICES');
  if (services && !isSourceName(program.groupId)) {
    const expected = 'a name of at most 200 characters without spaces and "+"';
    reader.add(
      'TIDEMARK_GROUP',
      JSON.stringify(program.groupId),
      expected,
      "Under it the normalizer's own events are signed.",
    );
  }
  const enrichment = enrichmentSettings(reader);
  const encryption = decidedEncryption(reader);
  reader.check();
  const key = given(sealKey);
  return {
    ...program,
    sealKey: key,
    sealVerifiers: [key.key, ...others],
    logVerifiers,
    policy,
    services,
    actions: reader.list('TIDEMARK_ACTIONS'),
    enrichment,
    encryption,
  };
}

/** Settings of the archiver; throws SettingsError with all that is wrong. */
export function archiverSettings(env: Env, readFile?: ReadFile): ArchiverSettings {
  const reader = new SettingsReader(env, readFile);
  const program = programSettings(reader, 'tidemark-archiver');
  const { origin } = program.archive;
  const retention = reader.required('TIDEMARK_RETENTION', rules.retention, noRetention);
  const logKey = signerSetting(reader, 'TIDEMARK_LOG_KEY', origin);
  const otherLogKeys = verifierSetting(reader, 'TIDEMARK_LOG_VERIFIERS');
  const sealVerifiers = verifierSetting(reader, 'TIDEMARK_SEAL_VERIFIERS');
  if (reader.text('TIDEMARK_SEAL_KEY') !== undefined) {
    const sealKey = signerSetting(reader, 'TIDEMARK_SEAL_KEY', sealKeyName(origin));
    if (sealKey) sealVerifiers.push(sealKey.key);
  } else if (reader.text('TIDEMARK_SEAL_VERIFIERS') === undefined) {
    const expected = "files of the normalizers' verifier keys, separated by commas";
    reader.add('TIDEMARK_SEAL_VERIFIERS', 'nothing', expected, 'Give what tidemark keys generate printed for them.');
  }
  reader.check();
  const key = given(logKey);
  const archive = { ...program.archive, retention };
  return { ...program, archive, logKey: key, logVerifiers: [key.key, ...otherLogKeys], sealVerifiers };
}

/**
 * Off, in an archive that nobody can delete from, has to be said twice: what is personal would stay readable for years. So does nothing
 * at all, which nobody has decided. The retention is the archiver's setting; who does not give it here means COMPLIANCE.
 */
function decidedEncryption(reader: SettingsReader): EncryptionSettings {
  const before = reader.problems.length;
  const encryption = encryptionSettings(reader);
  const retention = reader.optional('TIDEMARK_RETENTION', rules.retention, noRetention);
  if (reader.problems.length > before || encryption.state === 'on' || retention.mode !== 'COMPLIANCE')
    return encryption;
  if (encryption.state === 'off' && encryption.sure) return encryption;
  const found = encryption.state === 'off' ? '"off"' : 'nothing';
  const why =
    reader.text('TIDEMARK_RETENTION') === undefined ? 'no TIDEMARK_RETENTION, which counts as' : 'a retention of';
  const twice =
    encryption.state === 'off'
      ? 'Or say it a second time, by TIDEMARK_CLEAR_FOR_EVER=yes'
      : 'Or say it twice, by TIDEMARK_ENCRYPTION=off and TIDEMARK_CLEAR_FOR_EVER=yes';
  const advice = 'docs/privacy.md says what it needs; nobody can erase what is archived in clear.';
  reader.add('TIDEMARK_ENCRYPTION', `${found}, with ${why} COMPLIANCE`, 'on', `${twice}: ${advice}`);
  return encryption;
}

/** Settings of a command that reads one of the topics; throws SettingsError with all that is wrong. */
export function topicSettings(env: Env, readFile?: ReadFile) {
  const reader = new SettingsReader(env, readFile);
  const settings = {
    kafka: readKafka(reader),
    registry: registrySettings(reader),
    rawTopic: reader.optional('TIDEMARK_RAW_TOPIC', rules.topic, 'audit.raw'),
    eventsTopic: reader.optional('TIDEMARK_EVENTS_TOPIC', rules.topic, 'audit.events'),
  };
  reader.check();
  return settings;
}

/** Settings of a mere client of Kafka; throws SettingsError with all that is wrong. */
export function kafkaSettings(env: Env, readFile?: ReadFile): KafkaSettings {
  const reader = new SettingsReader(env, readFile);
  const settings = readKafka(reader);
  reader.check();
  return settings;
}

function registrySettings(reader: SettingsReader): RegistrySettings {
  return {
    url: reader.required('SCHEMA_REGISTRY_URL', rules.registryUrl, ''),
    token: reader.optional('SCHEMA_REGISTRY_TOKEN', rules.token, undefined),
    registration: reader.optional('SCHEMA_REGISTRATION', rules.registration, 'register'),
  };
}

function programSettings(reader: SettingsReader, group: string): ProgramSettings {
  const archive = {
    origin: reader.required('TIDEMARK_ORIGIN', rules.origin, 'unknown'),
    rawTopic: reader.optional('TIDEMARK_RAW_TOPIC', rules.topic, 'audit.raw'),
    eventsTopic: reader.optional('TIDEMARK_EVENTS_TOPIC', rules.topic, 'audit.events'),
    generation: reader.optional('TIDEMARK_GENERATION', rules.generation, 0),
    period: reader.optional('TIDEMARK_PERIOD', rules.duration, parseDuration('PT1H')),
  };
  if (archive.rawTopic === archive.eventsTopic) {
    const found = `${JSON.stringify(archive.eventsTopic)}, which is the raw topic`;
    reader.add('TIDEMARK_EVENTS_TOPIC', found, 'a topic of its own');
  }
  return {
    kafka: readKafka(reader),
    registry: registrySettings(reader),
    s3: {
      endpoint: reader.optional('S3_ENDPOINT', rules.url, undefined),
      bucket: reader.required('S3_BUCKET', rules.bucket, ''),
      prefix: (reader.text('S3_PREFIX') ?? '').replace(/^\/+|\/+$/g, ''),
    },
    archive,
    groupId: reader.text('TIDEMARK_GROUP') ?? group,
    httpPort: reader.optional('TIDEMARK_HTTP_PORT', rules.port, 0),
  };
}

/** KAFKA_BROKERS, and how to reach them safely. */
function readKafka(reader: SettingsReader): KafkaSettings {
  const brokers = reader.required('KAFKA_BROKERS', rules.brokers, []);
  // "true": as KAFKA_SSL, which is how the SDK knows it too.
  const known = reader.text('KAFKA_SSL_CA') === 'true';
  const what = 'the PEM of the authorities that sign the brokers, or a file of it';
  const ca = known ? null : (reader.pem('KAFKA_SSL_CA', what) ?? null);
  const ssl = reader.optional('KAFKA_SSL', rules.boolean, ca !== null || reader.text('KAFKA_SSL_CA') !== undefined);
  if (!ssl && ca !== null) reader.add('KAFKA_SSL', '"false"', 'true or nothing, since KAFKA_SSL_CA is set');
  const mechanism = reader.optional('KAFKA_SASL_MECHANISM', rules.mechanism, null);
  const username = reader.text('KAFKA_SASL_USERNAME');
  const password = reader.text('KAFKA_SASL_PASSWORD');
  if (reader.text('KAFKA_SASL_MECHANISM') === undefined) {
    if (username !== undefined || password !== undefined)
      reader.add('KAFKA_SASL_MECHANISM', 'nothing, although a user or password is set', rules.mechanism.expected);
  } else {
    if (username === undefined)
      reader.add('KAFKA_SASL_USERNAME', 'nothing', 'a user, since KAFKA_SASL_MECHANISM is set');
    if (password === undefined)
      reader.add('KAFKA_SASL_PASSWORD', 'nothing', 'a password, since KAFKA_SASL_MECHANISM is set');
  }
  const sasl = mechanism && { mechanism, username: username ?? '', password: password ?? '' };
  return { brokers, tls: ssl ? { ca } : null, sasl };
}

function signerSetting(reader: SettingsReader, name: string, keyName: string): Signer | undefined {
  const what = 'the PEM of an Ed25519 private key, or a file of it';
  if (reader.text(name) === undefined) {
    reader.add(name, 'nothing', what, 'tidemark keys generate makes one.');
    return undefined;
  }
  const pem = reader.pem(name, what);
  if (pem === undefined) return undefined;
  try {
    return signerFromPem(keyName, pem);
  } catch (error) {
    const found =
      error instanceof TypeError && error.message.startsWith('found') ? 'another kind of key' : 'no such key';
    reader.add(name, `${found} (not shown)`, what, 'tidemark keys generate makes one.');
    return undefined;
  }
}

/** Keys of the files, separated by commas, each a line a key. Periods behind a key are for auditors: here they are ignored. */
function verifierSetting(reader: SettingsReader, name: string): VerifierKey[] {
  const what = 'files of verifier keys, separated by commas';
  const keys: VerifierKey[] = [];
  for (const path of reader.list(name) ?? []) {
    const text = reader.file(name, path, what);
    if (text === undefined) continue;
    try {
      keys.push(...parseKeyFile(nodeCrypto, text).map(({ key }) => key));
    } catch (error) {
      reader.add(name, `${path}: ${error instanceof Error ? error.message : error}`, what);
    }
  }
  return keys;
}

const noRetention = parseRetention('COMPLIANCE P1D');

const rule = <T>(expected: string, schema: z.ZodType<T, string>, advice?: string): Rule<T> =>
  advice === undefined ? { schema, expected } : { schema, expected, advice };

const topicName = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;
const duration = z.string().transform((text, context): Duration => {
  try {
    return parseDuration(text);
  } catch {
    context.addIssue('not a duration');
    return z.NEVER;
  }
});
const wholeNumber = (max: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number)
    .pipe(z.number().max(max));
const isHttpUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

const rules = {
  brokers: rule(
    'host:port of one broker or more, separated by commas',
    z
      .string()
      .transform(text => text.split(',').map(part => part.trim()))
      .pipe(z.array(z.string().regex(/^[^\s:/]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/)).min(1)),
  ),
  boolean: rule(
    'true or false',
    z.enum(['true', 'false']).transform(text => text === 'true'),
  ),
  mechanism: rule(
    'PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512',
    z
      .string()
      .transform(text => text.toLowerCase())
      .pipe(z.enum(['plain', 'scram-sha-256', 'scram-sha-512'])),
  ),
  registryUrl: {
    ...rule("the address of the registry's Confluent API, http or https", z.string().refine(isHttpUrl)),
    secret: true,
  },
  token: { ...rule('a token of one line, without "Bearer" before it', z.string().regex(/^[!-~]+$/)), secret: true },
  registration: rule('register or lookup', z.enum(['register', 'lookup'])),
  url: rule('an http or https address', z.string().refine(isHttpUrl)),
  bucket: rule(
    "a bucket's name",
    z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/),
    'It is where the archive is.',
  ),
  origin: rule(
    'a name for this archive, like a host name with a path, without spaces and "+": example.com/audit',
    z.string().refine(text => isKeyName(text) && text.length <= 200),
    'It names the archive and its keys for ever.',
  ),
  topic: rule("a topic's name", z.string().regex(topicName)),
  generation: rule('a whole number from 0', wholeNumber(999)),
  duration: rule('a duration like PT1H', duration),
  retention: rule(
    'COMPLIANCE or GOVERNANCE and a duration, like COMPLIANCE P400D or GOVERNANCE P7Y; or trial',
    z.string().transform((text, context): Retention => {
      try {
        return parseRetention(text);
      } catch {
        context.addIssue('not a retention');
        return z.NEVER;
      }
    }),
    'How long nobody, not even an administrator, can delete evidence: it has to be decided, there is no default.',
  ),
  port: rule('a port, or 0 for any free one', wholeNumber(65_535)),
};

/** What the reader's check has made sure of. */
function given<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('a setting is missing that was checked');
  return value;
}
