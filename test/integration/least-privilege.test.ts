// The whole way where nobody may do more than its role needs: TLS, SCRAM and ACLs at the broker, a policy a role at the buckets, by the
// rules of infra/access. What they have to refuse is then tried by who would do it.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import kafkajs from 'kafkajs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { createKafka } from '../../core/edge/kafka/index.ts';
import { generateSecret } from '../../core/edge/keys/secret-file.ts';
import { kafkaSettings } from '../../core/edge/settings.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { type KafkaNames, kafkaRules, ROLES } from '../../infra/access/kafka.ts';
import { BUCKET_ROLES, bucketPolicy } from '../../infra/access/s3.ts';
import { createLockedBucket, s3ConfigOf } from '../../infra/local/bucket.ts';
import { type KafkaServer, startKafka } from '../../infra/local/kafka.ts';
import { LOCAL_REGION, type S3Server, startS3 } from '../../infra/local/s3.ts';
import { createTopics } from '../../infra/local/topics.ts';
import { createAuditor } from '../../producers/sdk/index.ts';
import { makeBrokerCertificate } from '../certificates.ts';
import { freshNames, stackVariable } from '../stack.ts';
import { tidemark } from '../unit/cli/command.ts';
import { endPrograms, silent, startProgram, until } from './normalizer-program.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const origin = 'test.example/least';
const folder = mkdtempSync(join(tmpdir(), 'least-privilege-'));
const names = freshNames();
const topics: KafkaNames = {
  rawTopic: names.raw,
  eventsTopic: names.events,
  changesTopic: `changes-${names.group}`,
  normalizerGroup: `${names.group}-n`,
  archiverGroup: `${names.group}-a`,
};
const keysBucket = `keys-${names.bucket}`;
const buckets = { bucket: names.bucket, prefix: names.prefix, keysBucket };

const secret = () => randomBytes(12).toString('hex');
const passwords: Record<string, string> = { stranger: secret(), ...Object.fromEntries(ROLES.map(r => [r, secret()])) };
const bucketUsers = BUCKET_ROLES.map(name => ({
  name,
  accessKeyId: `KEY${name.toUpperCase()}`,
  secretAccessKey: secret(),
  policy: bucketPolicy(name, buckets),
}));

let caFile = '';
let kafka: KafkaServer;
let s3: S3Server;

beforeAll(async () => {
  const certificate = await makeBrokerCertificate(folder);
  caFile = certificate.caFile;
  const { keystore, password: keystorePassword } = certificate;
  [kafka, s3] = await Promise.all([
    startKafka({ security: { keystore, keystorePassword, users: passwords, acls: true } }),
    startS3({ users: bucketUsers }),
  ]);
  await createTopics(kafka.brokers, { raw: names.raw, events: names.events, partitions: 1 });
  await grantAll();
  await createLockedBucket(s3ConfigOf(s3Env('admin')), names.bucket);
  await clientOf('admin').send(new CreateBucketCommand({ Bucket: keysBucket }));
});
afterEach(endPrograms);
afterAll(async () => {
  await Promise.all([kafka?.stop(), s3?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** By the plain listener, whose users are the cluster's administrators. */
async function grantAll(): Promise<void> {
  const admin = createKafka({ brokers: [kafka.brokers], tls: null, sasl: null }, silent, 'test').admin();
  const resources = { topic: 'TOPIC', group: 'GROUP', 'transactional-id': 'TRANSACTIONAL_ID' } as const;
  const operations = {
    Create: 'CREATE',
    Describe: 'DESCRIBE',
    DescribeConfigs: 'DESCRIBE_CONFIGS',
    Read: 'READ',
    Write: 'WRITE',
  } as const;
  const acl = kafkaRules(topics).flatMap(rule =>
    rule.operations.map(operation => ({
      resourceType: AclResourceTypes[resources[rule.resource]],
      resourceName: rule.name,
      resourcePatternType: ResourcePatternTypes[rule.pattern === 'literal' ? 'LITERAL' : 'PREFIXED'],
      principal: `User:${rule.role}`,
      host: '*',
      operation: AclOperationTypes[operations[operation]],
      permissionType: AclPermissionTypes.ALLOW,
    })),
  );
  await admin.connect();
  await admin.createAcls({ acl });
  await admin.disconnect();
}

const kafkaEnv = (role: string): Record<string, string> => ({
  KAFKA_BROKERS: kafka.secureBrokers ?? '',
  KAFKA_SSL_CA: caFile,
  KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
  KAFKA_SASL_USERNAME: role,
  KAFKA_SASL_PASSWORD: passwords[role] ?? '',
});

function s3Env(role: string): Record<string, string> {
  const { accessKeyId, secretAccessKey } = bucketUsers.find(user => user.name === role) ?? s3;
  return {
    S3_ENDPOINT: s3.url,
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
}

const clientOf = (role: string) => new S3Client({ ...s3ConfigOf(s3Env(role)), maxAttempts: 1 });
const kafkaOf = (role: string) => createKafka(kafkaSettings(kafkaEnv(role)), silent, 'test', 1);

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
}

test('an event goes from a service into a verified archive, its personal data sealed', async () => {
  const [seal, log] = [generatePem(), generatePem()];
  const vkeyOf = (name: string, pem: string) => `${formatVerifierKey(signerFromPem(name, pem).key)}\n`;
  const sealKeys = file('normalizer.vkey', vkeyOf(sealKeyName(origin), seal));
  const policy = file('policy', `log ${vkeyOf(origin, log)}quorum none\n`);
  const common = {
    SCHEMA_REGISTRY_URL: stackVariable('SCHEMA_REGISTRY_URL'),
    S3_BUCKET: names.bucket,
    S3_PREFIX: names.prefix,
    TIDEMARK_ORIGIN: origin,
    TIDEMARK_RAW_TOPIC: names.raw,
    TIDEMARK_EVENTS_TOPIC: names.events,
    TIDEMARK_PERIOD: 'PT3S',
    TIDEMARK_RETENTION: 'COMPLIANCE PT1H',
  };
  const [normalizer, archiver] = await Promise.all([
    startProgram({
      ...common,
      ...kafkaEnv('normalizer'),
      ...s3Env('normalizer'),
      TIDEMARK_GROUP: topics.normalizerGroup,
      TIDEMARK_CHANGES_TOPIC: topics.changesTopic,
      TIDEMARK_SEAL_KEY: seal,
      TIDEMARK_LOG_VERIFIERS: file('log.vkey', vkeyOf(origin, log)),
      TIDEMARK_ENCRYPTION: 'on',
      TIDEMARK_KEYS_BUCKET: keysBucket,
      TIDEMARK_KEK: file('kek.key', generateSecret()),
      TIDEMARK_LOOKUP_KEY: file('lookup.key', generateSecret()),
    }),
    startProgram(
      {
        ...common,
        ...kafkaEnv('archiver'),
        ...s3Env('archiver'),
        TIDEMARK_GROUP: topics.archiverGroup,
        TIDEMARK_LOG_KEY: log,
        TIDEMARK_SEAL_VERIFIERS: sealKeys,
      },
      true,
      'archiver',
    ),
  ]);
  const connection = kafkaSettings(kafkaEnv('service'));
  const auditor = createAuditor({
    service: 'billing',
    topic: names.raw,
    brokers: connection.brokers.join(','),
    kafka: {
      ssl: { ca: [connection.tls?.ca ?? ''] },
      sasl: { mechanism: 'scram-sha-512', username: 'service', password: passwords.service ?? '' },
    },
    registry: { url: stackVariable('SCHEMA_REGISTRY_URL') },
  });
  const id = await auditor.record({
    action: 'deploy.finish',
    target: { type: 'service', id: 'shop' },
    actor: { kind: 'human', id: 'u-1842', name: 'Ada Lovelace' },
    change: { perimeter: 'deployment', reference: 'REL-7' },
  });
  await auditor.close();

  const location = `s3://${names.bucket}/${names.prefix}`;
  const trust = ['--policy', policy, '--normalizer-keys', sealKeys];
  const asAuditor = (...args: string[]) => tidemark([...args, location, ...trust], { env: s3Env('auditor') });
  const readAll = () => asAuditor('read', '--format', 'jsonl');
  const isProven = (line: string) => line.includes(id) && line.includes('"proven"');
  await until('the event is proven', async () => (await readAll()).stdout.split('\n').some(isProven));
  const read = await readAll();
  expect(read.stdout).not.toContain('Lovelace');
  const verified = await asAuditor('verify');
  expect({ code: verified.code, said: verified.stdout }).toMatchObject({
    code: 0,
    said: expect.stringContaining('INTACT'),
  });
  const complaints = [...normalizer.log, ...archiver.log].filter(line =>
    /"level":(50|60)|uthoriz|AccessDenied/.test(line),
  );
  expect(complaints).toEqual([]);
  expect(await Promise.all([normalizer.kill('SIGTERM'), archiver.kill('SIGTERM')])).toEqual([0, 0]);
}, 90_000);

const produce = (role: string, topic: string, transactionalId?: string) => async () => {
  const producer = kafkaOf(role).producer({
    allowAutoTopicCreation: false,
    ...(transactionalId !== undefined && { transactionalId, idempotent: true, maxInFlightRequests: 1 }),
  });
  try {
    await producer.connect();
    const sender = transactionalId === undefined ? producer : await producer.transaction();
    await sender.send({ topic, messages: [{ value: 'x', partition: 0 }] });
  } finally {
    await producer.disconnect();
  }
};

const consume = (role: string, topic: string, groupId: string) => async () => {
  const consumer = kafkaOf(role).consumer({ groupId, retry: { retries: 1 } });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic] });
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      consumer.on(consumer.events.FETCH, () => resolve());
      consumer.run({ eachMessage: async () => {} }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
};

const onKafka: [what: string, attempt: () => Promise<unknown>][] = [
  ['a service writes sealed events', () => produce('service', names.events)()],
  ['a service reads what others recorded', () => consume('service', names.raw, topics.normalizerGroup)()],
  ['a service reads sealed events', () => consume('service', names.events, topics.archiverGroup)()],
  ['a service fences the normalizer', () => produce('service', names.raw, `${topics.normalizerGroup}-x-0`)()],
  ['an archiver writes sealed events', () => produce('archiver', names.events)()],
  ['an archiver records', () => produce('archiver', names.raw)()],
  ['an archiver takes the place of the normalizer', () => consume('archiver', names.events, topics.normalizerGroup)()],
  ['a stranger records', () => produce('stranger', names.raw)()],
];

// kafkajs does not say why it gets no coordinator of a group or a transactional id; the roles that may have it do get it.
test.each(onKafka)('Kafka refuses that %s', async (_, attempt) => {
  await expect(attempt()).rejects.toThrow(
    /not authorized|authorization failed|does not host this topic|Failed to find group coordinator/i,
  );
});

test('the buckets refuse what a role does not need', async () => {
  const admin = clientOf('admin');
  const archived = await admin.send(new ListObjectVersionsCommand({ Bucket: names.bucket, Prefix: names.prefix }));
  const stored = await admin.send(new ListObjectVersionsCommand({ Bucket: keysBucket }));
  const evidence = {
    Bucket: names.bucket,
    Key: archived.Versions?.[0]?.Key,
    VersionId: archived.Versions?.[0]?.VersionId,
  };
  const key = { Bucket: keysBucket, Key: stored.Versions?.[0]?.Key };
  expect([evidence.Key, key.Key]).toEqual([expect.any(String), expect.any(String)]);
  const create = (Key = `${names.prefix}/events/planted`) =>
    new PutObjectCommand({ Bucket: names.bucket, Key, Body: 'x' });
  const soon = new Date(Date.now() + 1000);
  const tries: [what: string, role: string, attempt: (client: S3Client) => Promise<unknown>][] = [
    ['writes evidence', 'normalizer', client => client.send(create())],
    ['deletes evidence', 'normalizer', client => client.send(new DeleteObjectCommand(evidence))],
    ['destroys a key', 'normalizer', client => client.send(new DeleteObjectCommand(key))],
    ['deletes a version', 'archiver', client => client.send(new DeleteObjectCommand(evidence))],
    [
      'hides an object',
      'archiver',
      client => client.send(new DeleteObjectCommand({ ...evidence, VersionId: undefined })),
    ],
    ['writes outside its folder', 'archiver', client => client.send(create('elsewhere'))],
    [
      'shortens a lock',
      'archiver',
      client =>
        client.send(
          new PutObjectRetentionCommand({ ...evidence, Retention: { Mode: 'COMPLIANCE', RetainUntilDate: soon } }),
        ),
    ],
    ['reads keys of persons', 'archiver', client => client.send(new GetObjectCommand(key))],
    ['reads keys of persons', 'auditor', client => client.send(new GetObjectCommand(key))],
    ['writes evidence', 'auditor', client => client.send(create())],
    ['writes evidence', 'eraser', client => client.send(create())],
  ];
  const answers = await Promise.all(
    tries.map(async ([what, role, attempt]) => {
      const said = await attempt(clientOf(role)).then(
        () => 'done',
        (error: Error) => error.name,
      );
      return `${role} ${what}: ${said}`;
    }),
  );
  expect(answers).toEqual(tries.map(([what, role]) => `${role} ${what}: AccessDenied`));
});
