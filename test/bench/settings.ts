// The settings of the real programs for a bench: names and keys of its own on the servers that the environment names, and the
// normalizer's parts on or off.

import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { createLockedBucket, s3ConfigOf } from '../../infra/local/bucket.ts';
import { catalogueText, noPolicyText, peopleText, policyText } from './shapes.ts';

export const origin = 'bench.example/audit';

export interface PartsOn {
  readonly policy: boolean;
  readonly enrichment: boolean;
  readonly encryption: boolean;
}

/** The real normalizer's variants, by the parts that are on. Off is as far off as a setting can have it: see docs/performance.md. */
export const variants = {
  'all off': { policy: false, enrichment: false, encryption: false },
  policy: { policy: true, enrichment: false, encryption: false },
  enrichment: { policy: false, enrichment: true, encryption: false },
  encryption: { policy: false, enrichment: false, encryption: true },
  checked: { policy: true, enrichment: true, encryption: false },
  'all on': { policy: true, enrichment: true, encryption: true },
} as const satisfies Record<string, PartsOn>;

export interface World {
  readonly folder: string;
  /** Variables of a normalizer from one topic to another. */
  normalizer(from: string, to: string, parts: PartsOn): Record<string, string>;
  /** Variables of an archiver of what such a normalizer has made. */
  archiver(from: string, to: string): Record<string, string>;
  readonly bucket: string;
  close(): void;
}

const servers = ['KAFKA_', 'SCHEMA_REGISTRY_', 'S3_ENDPOINT', 'AWS_'];

/** Variables by which the programs reach the servers. */
export function serverVariables(): Record<string, string> {
  const given = Object.entries(process.env).filter(([name]) => servers.some(start => name.startsWith(start)));
  return Object.fromEntries(given.map(([name, value]) => [name, value ?? '']));
}

export async function createWorld(): Promise<World> {
  const id = randomUUID().slice(0, 8);
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const [bucket, keysBucket] = [`bench-${id}`, `bench-keys-${id}`];
  await createLockedBucket(s3ConfigOf(process.env), bucket);
  const s3 = new S3Client(s3ConfigOf(process.env));
  await s3.send(new CreateBucketCommand({ Bucket: keysBucket }));
  s3.destroy();
  const [sealPem, logPem] = [generatePem(), generatePem()];
  const secret = () => `${randomBytes(32).toString('base64')}\n`;
  const common = (from: string, to: string) => ({
    ...serverVariables(),
    S3_BUCKET: bucket,
    S3_PREFIX: to,
    TIDEMARK_ORIGIN: origin,
    TIDEMARK_RAW_TOPIC: from,
    TIDEMARK_EVENTS_TOPIC: to,
    TIDEMARK_RETENTION: 'GOVERNANCE P1D',
    TIDEMARK_LOG_LEVEL: 'info',
  });
  const files = {
    policy: file('policy.yaml', policyText),
    noPolicy: file('no-policy.yaml', noPolicyText),
    catalogue: file('catalogue.yaml', catalogueText()),
    people: file('people.csv', peopleText()),
    seal: file('normalizer.vkey', `${formatVerifierKey(signerFromPem(sealKeyName(origin), sealPem).key)}\n`),
    kek: file('kek', secret()),
    lookup: file('lookup', secret()),
  };
  return {
    folder,
    bucket,
    normalizer: (from, to, parts) => ({
      ...common(from, to),
      TIDEMARK_GROUP: `normalizer-${to}`,
      TIDEMARK_SEAL_KEY: sealPem,
      TIDEMARK_POLICY: parts.policy ? files.policy : files.noPolicy,
      ...(parts.enrichment
        ? {
            TIDEMARK_CATALOGUE: files.catalogue,
            TIDEMARK_PEOPLE: files.people,
            TIDEMARK_CHANGES_TOPIC: `changes-${to}`,
          }
        : { TIDEMARK_GEOIP: 'off', TIDEMARK_CHANGES_TOPIC: 'off' }),
      ...(parts.encryption
        ? {
            TIDEMARK_ENCRYPTION: 'on',
            TIDEMARK_KEYS_BUCKET: keysBucket,
            TIDEMARK_KEK: files.kek,
            TIDEMARK_LOOKUP_KEY: files.lookup,
          }
        : { TIDEMARK_ENCRYPTION: 'off' }),
    }),
    archiver: (from, to) => ({
      ...common(from, to),
      TIDEMARK_GROUP: `archiver-${to}`,
      TIDEMARK_LOG_KEY: logPem,
      TIDEMARK_SEAL_VERIFIERS: files.seal,
    }),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
