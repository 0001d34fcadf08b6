// What the tests of the whole way share: topics, a bucket and keys of their own, the programs' settings, and the auditor's view.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../auditor/open.ts';
import { parsePolicyFile, parseSealKeyFile, type ReadEvent, readEvents } from '../../auditor/read/index.ts';
import { type Verdict, verifyArchive } from '../../auditor/verify/index.ts';
import { nodeDecompress } from '../../core/edge/compression.ts';
import { generatePem, nodeCrypto, signerFromPem } from '../../core/edge/crypto.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { createFresh, type FreshNames, stackEnv, stackVariable } from '../stack.ts';
import { inClear } from './normalizer-program.ts';

export const origin = 'test.example/whole-way';
const folders: string[] = [];

/** Removes what `createWorld` has made on disk. */
export function removeWorlds(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export interface World {
  readonly names: FreshNames;
  readonly env: { readonly normalizer: Record<string, string>; readonly archiver: Record<string, string> };
  readonly policyText: string;
  readonly sealKeysText: string;
}

export async function createWorld(brokers = stackVariable('KAFKA_BROKERS')): Promise<World> {
  const names = await createFresh(3, brokers);
  const folder = mkdtempSync(join(tmpdir(), 'whole-way-'));
  folders.push(folder);
  const [sealPem, logPem] = [generatePem(), generatePem()];
  const sealKeysText = `${formatVerifierKey(signerFromPem(sealKeyName(origin), sealPem).key)}\n`;
  const logKey = formatVerifierKey(signerFromPem(origin, logPem).key);
  writeFileSync(join(folder, 'normalizer.vkey'), sealKeysText);
  writeFileSync(join(folder, 'archiver.vkey'), `${logKey}\n`);
  const common = {
    ...stackEnv(),
    KAFKA_BROKERS: brokers,
    S3_BUCKET: names.bucket,
    S3_PREFIX: names.prefix,
    TIDEMARK_ORIGIN: origin,
    TIDEMARK_RAW_TOPIC: names.raw,
    TIDEMARK_EVENTS_TOPIC: names.events,
    TIDEMARK_PERIOD: 'PT5S',
    TIDEMARK_RETENTION: 'COMPLIANCE PT1H',
  };
  const normalizer = {
    ...common,
    TIDEMARK_GROUP: `${names.group}-n`,
    TIDEMARK_SEAL_KEY: sealPem,
    ...inClear,
    TIDEMARK_LOG_VERIFIERS: join(folder, 'archiver.vkey'),
  };
  const archiver = {
    ...common,
    TIDEMARK_GROUP: `${names.group}-a`,
    TIDEMARK_LOG_KEY: logPem,
    TIDEMARK_SEAL_VERIFIERS: join(folder, 'normalizer.vkey'),
  };
  return { names, env: { normalizer, archiver }, policyText: `log ${logKey}\nquorum none\n`, sealKeysText };
}

/** What an auditor is given of it. */
type Audited = Pick<World, 'policyText' | 'sealKeysText'> & { readonly names: Pick<FreshNames, 'bucket' | 'prefix'> };

export function verify({ names, policyText, sealKeysText }: Audited): Promise<Verdict> {
  return verifyArchive(openStore(`s3://${names.bucket}/${names.prefix}`, stackEnv()), {
    policy: parsePolicyFile(policyText, 'policy'),
    sealKeys: parseSealKeyFile(sealKeysText, 'normalizer.vkey'),
    logKeys: null,
    at: Date.now(),
    from: null,
    to: null,
    minRetention: 3_600_000,
    crypto: nodeCrypto,
    decompress: nodeDecompress,
  });
}

export async function readAll({ names, policyText, sealKeysText }: Audited): Promise<ReadEvent[]> {
  const trust = {
    policy: parsePolicyFile(policyText, 'policy'),
    sealKeys: parseSealKeyFile(sealKeysText, 'normalizer.vkey'),
  };
  const events: ReadEvent[] = [];
  for await (const item of readEvents(openStore(`s3://${names.bucket}/${names.prefix}`, stackEnv()), { trust })) {
    if (item.kind === 'event') events.push(item);
  }
  return events;
}

/** Reports that a run with kills may earn. Both programs end before the last period does, so segments may be pending. */
export const lawful = new Set(['late', 'doubled', 'pending', 'unwitnessed', 'open', 'silence']);
