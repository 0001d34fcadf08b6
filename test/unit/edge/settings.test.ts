// Settings: all that is wrong in one list, nothing secret in it, and typed values where all is well.

import { describe, expect, test } from 'vitest';
import { generatePem, signerFromPem } from '../../../core/edge/crypto.ts';
import { archiverSettings, normalizerSettings, SettingsError } from '../../../core/edge/settings.ts';
import { formatVerifierKey } from '../../../core/proof/note.ts';

const pem = generatePem();
const other = signerFromPem('example.com/audit/normalizer', generatePem()).key;
const good = {
  KAFKA_BROKERS: 'a:9092, b:9092',
  SCHEMA_REGISTRY_URL: 'http://user:hunter2@registry/api',
  S3_BUCKET: 'evidence',
  S3_PREFIX: '/prod/',
  TIDEMARK_ORIGIN: 'example.com/audit',
  TIDEMARK_SEAL_KEY: pem,
  TIDEMARK_LOG_KEY: 'log.pem',
  TIDEMARK_RETENTION: 'COMPLIANCE P400D',
  TIDEMARK_SEAL_VERIFIERS: 'others.txt',
  TIDEMARK_ENCRYPTION: 'off',
  TIDEMARK_CLEAR_FOR_EVER: 'yes',
};
const files: Record<string, string> = {
  'log.pem': generatePem(),
  'others.txt': `# old key\n${formatVerifierKey(other)} 2026-01-05T10:00:00Z\n`,
};
const readFile = (path: string) => {
  const text = files[path];
  if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  return text;
};

function problemsOf(env: Record<string, string | undefined>, settings = normalizerSettings): Map<string, string> {
  try {
    settings(env, readFile);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    for (const { name } of error.problems) expect(error.message).toContain(name);
    return new Map(error.problems.map(({ name, ...rest }) => [name, Object.values(rest).join(' | ')]));
  }
  return new Map();
}

describe('settings', () => {
  test('of a normalizer: defaults, and the keys whose seals it goes on from', () => {
    const settings = normalizerSettings(good, readFile);
    expect(settings).toMatchObject({
      kafka: { brokers: ['a:9092', 'b:9092'], tls: null, sasl: null },
      s3: { bucket: 'evidence', prefix: 'prod', endpoint: undefined },
      archive: { rawTopic: 'audit.raw', eventsTopic: 'audit.events', generation: 0, period: { text: 'PT1H' } },
      groupId: 'tidemark-normalizer',
      httpPort: 0,
    });
    const own = signerFromPem('example.com/audit/normalizer', pem).key;
    expect(settings.sealKey.key).toEqual(own);
    expect(settings.sealVerifiers.map(formatVerifierKey)).toEqual([own, other].map(formatVerifierKey));
  });

  test('encryption is off, or not decided, with COMPLIANCE only for who is told twice', () => {
    const name = 'TIDEMARK_ENCRYPTION';
    const once = { ...good, TIDEMARK_CLEAR_FOR_EVER: undefined };
    const undecided = { ...once, [name]: undefined };
    expect(problemsOf(undecided).get(name)).toMatch(
      /^nothing, with a retention of COMPLIANCE .*TIDEMARK_ENCRYPTION=off and TIDEMARK_CLEAR_FOR_EVER=yes/,
    );
    expect(problemsOf({ ...undecided, TIDEMARK_CLEAR_FOR_EVER: 'yes' }).has(name)).toBe(true);
    const governed = { ...undecided, TIDEMARK_RETENTION: 'GOVERNANCE P400D' };
    expect(normalizerSettings(governed, readFile).encryption).toEqual({ state: 'unset' });
    expect(problemsOf(once).get(name)).toMatch(/a retention of COMPLIANCE .* TIDEMARK_CLEAR_FOR_EVER=yes/);
    expect(problemsOf({ ...once, TIDEMARK_RETENTION: undefined }).get(name)).toContain('counts as COMPLIANCE');
    expect(problemsOf({ ...once, TIDEMARK_RETENTION: 'GOVERNANCE P400D' }).size).toBe(0);
    expect(problemsOf({ ...good, TIDEMARK_CLEAR_FOR_EVER: 'maybe' }).size).toBe(1);
    expect(normalizerSettings(good, readFile).encryption).toEqual({ state: 'off', sure: true });
    expect([...problemsOf({ ...good, [name]: 'on' }).keys()]).toEqual([
      'TIDEMARK_KEYS_BUCKET',
      'TIDEMARK_KEK',
      'TIDEMARK_LOOKUP_KEY',
    ]);
  });

  test('of an archiver: a retention that was decided', () => {
    const settings = archiverSettings(good, readFile);
    expect(settings.archive.retention).toEqual({
      mode: 'COMPLIANCE',
      duration: { text: 'P400D', ms: 400 * 86_400_000 },
      isTrial: false,
    });
    expect(settings.logKey.key.name).toBe('example.com/audit');
    expect(
      problemsOf({ ...good, TIDEMARK_RETENTION: undefined }, archiverSettings as never).get('TIDEMARK_RETENTION'),
    ).toContain('no default');
    expect(problemsOf({ ...good, TIDEMARK_RETENTION: 'GOVERNANCE P400D' }, archiverSettings as never).size).toBe(0);
    expect(problemsOf({ ...good, TIDEMARK_RETENTION: 'NONE P400D' }, archiverSettings as never).size).toBe(1);
  });

  test('TLS and SASL', () => {
    const sasl = { KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' };
    expect(normalizerSettings({ ...good, ...sasl, KAFKA_SSL: 'true' }, readFile).kafka).toMatchObject({
      tls: { ca: null },
      sasl: { mechanism: 'scram-sha-512', username: 'u', password: 'p' },
    });
    const ca = '-----BEGIN CERTIFICATE-----\\nabc\\n-----END CERTIFICATE-----';
    expect(normalizerSettings({ ...good, KAFKA_SSL_CA: ca }, readFile).kafka.tls?.ca).toContain('-----\nabc\n');
    expect(normalizerSettings({ ...good, KAFKA_SSL_CA: 'true' }, readFile).kafka.tls).toEqual({ ca: null });
    expect([...problemsOf({ ...good, KAFKA_SASL_MECHANISM: 'PLAIN' }).keys()]).toEqual([
      'KAFKA_SASL_USERNAME',
      'KAFKA_SASL_PASSWORD',
    ]);
  });

  test('all that is missing is said at once', () => {
    expect([...problemsOf({}).keys()].sort()).toEqual([
      'KAFKA_BROKERS',
      'S3_BUCKET',
      'SCHEMA_REGISTRY_URL',
      'TIDEMARK_ENCRYPTION',
      'TIDEMARK_ORIGIN',
      'TIDEMARK_SEAL_KEY',
    ]);
  });

  test.each([
    ['KAFKA_BROKERS', 'a:9092,b'],
    ['KAFKA_SSL_CA', 'no-such.pem'],
    ['KAFKA_SSL', 'yes'],
    ['KAFKA_SASL_MECHANISM', 'GSSAPI'],
    ['SCHEMA_REGISTRY_URL', 'registry:8081'],
    ['SCHEMA_REGISTRY_TOKEN', 'Bearer abc'],
    ['SCHEMA_REGISTRATION', 'never'],
    ['S3_ENDPOINT', 'localhost'],
    ['S3_BUCKET', 'Not_A_Bucket'],
    ['TIDEMARK_ORIGIN', 'has space'],
    ['TIDEMARK_RAW_TOPIC', 'a b'],
    ['TIDEMARK_EVENTS_TOPIC', 'audit.raw'],
    ['TIDEMARK_GENERATION', '-1'],
    ['TIDEMARK_PERIOD', '1h'],
    ['TIDEMARK_HTTP_PORT', '70000'],
    ['TIDEMARK_SEAL_KEY', 'no-such.pem'],
    ['TIDEMARK_SEAL_VERIFIERS', 'log.pem'],
  ])('%s=%s is a problem, and the only one', (name, value) => {
    expect(
      [...problemsOf({ ...good, [name]: value }).keys()].filter(
        found => found !== 'KAFKA_SASL_USERNAME' && found !== 'KAFKA_SASL_PASSWORD',
      ),
    ).toEqual([name]);
  });

  test('nothing secret is quoted', () => {
    const broken = pem.replace('PRIVATE KEY', 'PRIVATE KEX');
    const text = [
      ...problemsOf({
        ...good,
        TIDEMARK_SEAL_KEY: broken,
        SCHEMA_REGISTRY_URL: 'ftp://user:hunter2@registry',
        SCHEMA_REGISTRY_TOKEN: 'hunter2\nhunter2',
      }).values(),
      ...problemsOf({ ...good, TIDEMARK_SEAL_KEY: pem.replace('-----BEGIN PRIVATE KEY-----', '') }).values(),
    ].join();
    expect(text).not.toContain('hunter2');
    for (const line of pem.split('\n').filter(line => line.length > 20 && !line.startsWith('-'))) {
      expect(text).not.toContain(line);
    }
  });
});
