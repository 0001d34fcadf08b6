// Servers secured as production's are: a broker with TLS by an authority of its own and SASL, a registry that wants credentials. The
// SDK, the normalizer and the archiver reach them by their settings; a wrong one is named, and no secret is.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { rootCertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { openStore } from '../../auditor/open.ts';
import { parsePolicyFile, parseSealKeyFile, readEvents } from '../../auditor/read/index.ts';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { createKafka } from '../../core/edge/kafka/index.ts';
import { kafkaSettings } from '../../core/edge/settings.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { rawEnds } from '../../infra/demo/seal.ts';
import { createLockedBucket, s3ConfigOf } from '../../infra/local/bucket.ts';
import { type KafkaServer, startKafka } from '../../infra/local/kafka.ts';
import { createTopics } from '../../infra/local/topics.ts';
import { type Auditor, createAuditor } from '../../producers/sdk/index.ts';
import type { RegistrySettings } from '../../schemas/index.ts';
import { type BrokerCertificate, makeBrokerCertificate } from '../certificates.ts';
import { freshNames, stackEnv, stackVariable } from '../stack.ts';
import { inClear, silent, until } from './normalizer-program.ts';

const origin = 'test.example/secured';
const user = 'alice';
const secrets = {
  password: 'b7Qw2kafkaPassword',
  registryPassword: 'b7Qw2registryPassword',
  token: 'b7Qw2registryToken',
  wrong: 'b7Qw2wrongSecret',
};
const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const folder = mkdtempSync(join(tmpdir(), 'secured-'));
const names = freshNames();
const keys = { seal: generatePem(), log: generatePem() };
const sealKeysText = `${formatVerifierKey(signerFromPem(sealKeyName(origin), keys.seal).key)}\n`;
const logKeyText = formatVerifierKey(signerFromPem(origin, keys.log).key);
const children = new Set<ChildProcess>();

let certificate: BrokerCertificate;
let kafka: KafkaServer;
let guard: { readonly server: Server; readonly url: string };

beforeAll(async () => {
  certificate = await makeBrokerCertificate(folder);
  const { keystore, password: keystorePassword } = certificate;
  const security = { keystore, keystorePassword, users: { [user]: secrets.password } };
  [kafka, guard] = await Promise.all([startKafka({ security }), startGuard()]);
  const plan = { raw: names.raw, events: names.events, partitions: 1 };
  await Promise.all([
    createTopics(kafkaSettings(kafkaEnv('scram-sha-512')), plan),
    createLockedBucket(s3ConfigOf(stackEnv()), names.bucket),
  ]);
  writeFileSync(join(folder, 'normalizer.vkey'), sealKeysText);
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  vi.unstubAllEnvs();
});
afterAll(async () => {
  guard?.server.closeAllConnections();
  guard?.server.close();
  await kafka?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A registry that wants credentials: user and password, or a token; what has them reaches the real one. */
async function startGuard() {
  const real = new URL(stackVariable('SCHEMA_REGISTRY_URL'));
  const basic = Buffer.from(`${user}:${secrets.registryPassword}`).toString('base64');
  const accepted = new Set([`Basic ${basic}`, `Bearer ${secrets.token}`]);
  const server = createServer((asked, answer) => {
    if (!accepted.has(asked.headers.authorization ?? '')) {
      asked.resume();
      answer.writeHead(401, { 'content-type': 'application/json' }).end('{"error_code":401,"message":"Unauthorized"}');
      return;
    }
    const { authorization: _authorization, host: _host, ...headers } = asked.headers;
    const path = `${real.pathname.replace(/\/$/, '')}${asked.url}`;
    const forward = {
      host: real.hostname,
      port: real.port,
      path,
      headers,
      ...(asked.method && { method: asked.method }),
    };
    const onward = request(forward, reply => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    asked.pipe(onward);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const withPassword = (password: string) => guard.url.replace('://', `://${user}:${password}@`);

function kafkaEnv(mechanism: string): Record<string, string> {
  return {
    KAFKA_BROKERS: kafka.secureBrokers ?? '',
    KAFKA_SSL_CA: certificate.caFile,
    KAFKA_SASL_MECHANISM: mechanism.toUpperCase(),
    KAFKA_SASL_USERNAME: user,
    KAFKA_SASL_PASSWORD: secrets.password,
  };
}

type Main = 'normalizer' | 'archiver';

/** The settings of a program; the normalizer has a token for the registry, the archiver user and password. */
function settingsOf(main: Main): Record<string, string> {
  const { KAFKA_BROKERS: _brokers, SCHEMA_REGISTRY_URL: _registry, ...s3 } = stackEnv();
  const common = {
    ...s3,
    ...kafkaEnv('scram-sha-512'),
    S3_BUCKET: names.bucket,
    S3_PREFIX: names.prefix,
    TIDEMARK_ORIGIN: origin,
    TIDEMARK_RAW_TOPIC: names.raw,
    TIDEMARK_EVENTS_TOPIC: names.events,
    TIDEMARK_PERIOD: 'PT5S',
    TIDEMARK_RETENTION: 'COMPLIANCE PT1H',
    TIDEMARK_GROUP: `${names.group}-${main}`,
    TIDEMARK_LOG_LEVEL: 'debug', // nor does what is only said there show a secret
  };
  return main === 'normalizer'
    ? {
        ...common,
        ...inClear,
        SCHEMA_REGISTRY_URL: guard.url,
        SCHEMA_REGISTRY_TOKEN: secrets.token,
        TIDEMARK_SEAL_KEY: keys.seal,
      }
    : {
        ...common,
        SCHEMA_REGISTRY_URL: withPassword(secrets.registryPassword),
        TIDEMARK_LOG_KEY: keys.log,
        TIDEMARK_SEAL_VERIFIERS: join(folder, 'normalizer.vkey'),
      };
}

interface Program {
  /** All that it has said. */
  readonly log: string[];
  readonly exited: Promise<number | null>;
  end(): Promise<number | null>;
}

function start(main: Main, changes: Record<string, string> = {}): Program {
  const path = new URL(`../../consumers/${main}/main.ts`, import.meta.url).pathname;
  const env = { PATH: process.env.PATH ?? '', ...settingsOf(main), ...changes };
  const child = spawn(process.execPath, [path], { env });
  children.add(child);
  const log: string[] = [];
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', line => void log.push(line));
  const exited = new Promise<number | null>(resolve => {
    child.on('close', code => {
      children.delete(child);
      resolve(code);
    });
  });
  const end = () => {
    child.kill('SIGTERM');
    return exited;
  };
  return { log, exited, end };
}

function expectNoSecrets(...texts: readonly string[]): void {
  const encoded = Object.values(secrets).map(secret => Buffer.from(`${user}:${secret}`).toString('base64'));
  for (const text of texts) {
    for (const secret of [...Object.values(secrets), ...encoded]) expect(text).not.toContain(secret);
  }
}

async function archivedIds(): Promise<Set<string>> {
  const trust = {
    policy: parsePolicyFile(`log ${logKeyText}\nquorum none\n`, 'policy'),
    sealKeys: parseSealKeyFile(sealKeysText, 'normalizer.vkey'),
  };
  const ids = new Set<string>();
  for await (const item of readEvents(openStore(`s3://${names.bucket}/${names.prefix}`, stackEnv()), { trust })) {
    if (item.kind === 'event' && item.proof.status === 'proven') ids.add(item.fields.id);
  }
  return ids;
}

const event = (id: string) => ({ action: 'order.create', target: { type: 'order', id } });

const inOptions = { service: 'secured', topic: names.raw, deliveryTimeoutMs: 3000 };

/** Ends of an auditor's life in which it has something else to say are not what these tests are about. */
const dropped = (auditor: Auditor) => auditor.close({ timeoutMs: 1 }).catch(() => undefined);

/** As a service makes it that has its settings elsewhere; `changes` win. */
function auditorWith(changes: { password?: string; ca?: string; registry?: RegistrySettings } = {}): Auditor {
  const { password = secrets.password, ca = certificate.ca } = changes;
  return createAuditor({
    ...inOptions,
    brokers: kafka.secureBrokers,
    kafka: { ssl: { ca: [ca] }, sasl: { mechanism: 'scram-sha-256', username: user, password } },
    registry: changes.registry ?? { url: guard.url, token: secrets.token },
  });
}

/** As a service makes it that leaves all to the environment. */
function auditorOfEnvironment(mechanism: string, registry: Record<string, string>): Auditor {
  for (const [name, value] of Object.entries({ ...kafkaEnv(mechanism), ...registry })) vi.stubEnv(name, value);
  return createAuditor(inOptions);
}

test.each(mechanisms)('%s: a client connects, and knows the topics', async mechanism => {
  const client = createKafka(kafkaSettings(kafkaEnv(mechanism)), silent, 'test').admin();
  await client.connect();
  expect(await client.listTopics()).toEqual(expect.arrayContaining([names.raw, names.events]));
  await client.disconnect();
});

test('an event of a service goes the whole way into the archive', async () => {
  const programs = [start('normalizer'), start('archiver')];
  const auditors = [
    auditorWith(),
    auditorOfEnvironment('plain', { SCHEMA_REGISTRY_URL: withPassword(secrets.registryPassword) }),
    auditorOfEnvironment('scram-sha-512', { SCHEMA_REGISTRY_URL: guard.url, SCHEMA_REGISTRY_TOKEN: secrets.token }),
  ];
  const ids = await Promise.all(auditors.map((auditor, index) => auditor.record(event(`${index}`))));
  await Promise.all(auditors.map(auditor => auditor.close()));
  const ended = Promise.race(
    programs.map(({ exited, log }) => exited.then(code => `ended with ${code}:\n${log.join('\n')}`)),
  );
  const archived = until('the events are proven', async () => {
    const known = await archivedIds().catch(() => new Set());
    return ids.every(id => known.has(id));
  });
  expect(await Promise.race([ended, archived])).toBeUndefined();
  expect(await Promise.all(programs.map(program => program.end()))).toEqual([0, 0]);
  expectNoSecrets(...programs.flatMap(({ log }) => log));

  // The demo asks such a cluster too: three events, and the word of three auditors that they end.
  const ends = await rawEnds({ env: { producers: kafkaEnv('plain') }, rawTopic: names.raw });
  expect(ends.get(0)).toBeGreaterThanOrEqual(6n);
}, 60_000);

const stranger = { KAFKA_SSL_CA: rootCertificates[0] ?? '' };
const wrongs: [what: string, changes: Record<string, string>, named: string, saying: RegExp][] = [
  ['password', { KAFKA_SASL_PASSWORD: secrets.wrong }, 'KAFKA_SASL_PASSWORD', /invalid credentials/],
  [
    'password, sent by PLAIN',
    { KAFKA_SASL_PASSWORD: secrets.wrong, KAFKA_SASL_MECHANISM: 'PLAIN' },
    'KAFKA_SASL_PASSWORD',
    /Invalid username or password/,
  ],
  ['authority', stranger, 'KAFKA_SSL_CA', /self-signed certificate in certificate chain|unable to /],
];

test.each(wrongs)(
  'a wrong %s ends both programs with one line that names the setting',
  async (_, changes, named, saying) => {
    const programs = [start('normalizer', changes), start('archiver', changes)];
    expect(await Promise.all(programs.map(({ exited }) => exited))).toEqual([1, 1]);
    for (const { log } of programs) {
      const lines = log.filter(line => !line.startsWith('{'));
      expect(lines).toEqual(['1 setting is not as it has to be:', expect.stringContaining(`${named}: found `)]);
      expect(lines[1]).toMatch(saying);
      expectNoSecrets(...log);
    }
  },
);

test('wrong credentials for the registry end both programs with one line that names the setting', async () => {
  const token = start('normalizer', { SCHEMA_REGISTRY_TOKEN: secrets.wrong });
  const basic = { SCHEMA_REGISTRY_TOKEN: '', SCHEMA_REGISTRY_URL: withPassword(secrets.wrong) };
  const password = start('normalizer', basic);
  // The topic has events by now, or none: the archiver does not wait for the first to try its credentials.
  const archiver = start('archiver', { ...basic, S3_PREFIX: freshNames().prefix });
  const named = new Map([
    [token, 'SCHEMA_REGISTRY_TOKEN'],
    [password, 'SCHEMA_REGISTRY_URL'],
    [archiver, 'SCHEMA_REGISTRY_URL'],
  ]);
  for (const [program, setting] of named) {
    expect(await program.exited).toBe(1);
    const lines = program.log.filter(line => !line.startsWith('{'));
    expect(lines).toEqual(['1 setting is not as it has to be:', expect.stringContaining(`  ${setting}: found `)]);
    expectNoSecrets(...program.log);
  }
});

test('the SDK tells the service what is wrong, and no secret', async () => {
  const auditors = [
    auditorWith({ password: secrets.wrong }),
    auditorWith({ ca: stranger.KAFKA_SSL_CA }),
    auditorWith({ registry: { url: guard.url, token: secrets.wrong } }),
    auditorWith({ registry: { url: withPassword(secrets.wrong) } }),
  ];
  const failures = await Promise.all(auditors.map(auditor => auditor.record(event('1')).catch(error => error)));
  await Promise.all(auditors.map(dropped));
  expect(failures.map(({ code, message }) => `${code} ${message}`)).toEqual([
    expect.stringMatching(/^not-sent .*SCRAM SHA256 authentication failed.*KAFKA_SASL_PASSWORD/),
    expect.stringMatching(/^not-sent .*(self-signed certificate in certificate chain|unable to ).*KAFKA_SSL_CA/),
    expect.stringMatching(/^not-sent .*SCHEMA_REGISTRY_TOKEN/),
    expect.stringMatching(/^not-sent .*SCHEMA_REGISTRY_URL/),
  ]);
  expectNoSecrets(...failures.map(error => `${error.message} ${error.stack}`));
}, 20_000);
