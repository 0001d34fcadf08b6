// Where attacks are played: a folder, as an auditor has a copy; and a bucket of a server, one prefix an attack, each object with its
// versions, markers and locks as they come to lie there.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { openStore } from '../../auditor/open.ts';
import { type Verdict, verifyArchive } from '../../auditor/verify/index.ts';
import { nodeDecompress } from '../../core/edge/compression.ts';
import { nodeCrypto } from '../../core/edge/crypto.ts';
import { parseKeyFile } from '../../core/proof/keys.ts';
import { parsePolicy } from '../../core/proof/policy.ts';
import { createLockedBucket, s3ConfigOf } from '../../infra/local/bucket.ts';
import type { Objects, StoredVersion } from '../archive-objects.ts';
import type { Attack, Played } from './attack.ts';

/** Writes the latest objects into a folder and verifies them there. */
export function verifyInFolder({ objects, trust }: Played, folder: string): Promise<Verdict> {
  for (const [key, versions] of objects) {
    const last = versions.at(-1);
    if (!last || last.isDeleteMarker) continue;
    const path = join(folder, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, last.bytes);
  }
  return verifyAt(folder, {}, trust);
}

export interface AttackedServer {
  /** Lays the archive out under a prefix of its own and verifies it there. */
  verify(played: Played, prefix: string): Promise<Verdict>;
  close(): void;
}

/** A new bucket with versions and Object Lock at a server, given by its variables. */
export async function openServer(env: Record<string, string>, bucket: string): Promise<AttackedServer> {
  const config = s3ConfigOf(env);
  await createLockedBucket(config, bucket);
  const client = new S3Client(config);
  return {
    verify: async ({ objects, trust }, prefix) => {
      await layOut(client, bucket, prefix, objects);
      return verifyAt(`s3://${bucket}/${prefix}`, env, trust);
    },
    close: () => client.destroy(),
  };
}

/** Keys at a time; the versions of one follow each other. */
const together = 16;

async function layOut(client: S3Client, Bucket: string, prefix: string, objects: Objects): Promise<void> {
  const rest = [...objects];
  const work = async (): Promise<void> => {
    for (let next = rest.shift(); next; next = rest.shift()) {
      const [key, versions] = next;
      const Key = `${prefix}/${key}`;
      for (const version of versions) {
        if (version.isDeleteMarker) await client.send(new DeleteObjectCommand({ Bucket, Key }));
        else await client.send(new PutObjectCommand({ Bucket, Key, Body: version.bytes, ...lockOf(version) }));
      }
    }
  };
  await Promise.all(Array.from({ length: together }, work));
}

/** A server takes no lock that is over: what had one until then has none. */
function lockOf({ retainUntil, mode }: StoredVersion) {
  if (retainUntil === null || retainUntil < Date.now()) return {};
  return { ObjectLockMode: mode ?? 'COMPLIANCE', ObjectLockRetainUntilDate: new Date(retainUntil) } as const;
}

function verifyAt(location: string, env: Record<string, string>, trust: Played['trust']): Promise<Verdict> {
  return verifyArchive(openStore(location, env), {
    policy: parsePolicy(nodeCrypto, trust.policyText),
    sealKeys: parseKeyFile(nodeCrypto, trust.sealKeysText),
    logKeys: null,
    at: trust.at,
    from: null,
    to: null,
    minRetention: trust.minRetention ?? null,
    crypto: nodeCrypto,
    decompress: nodeDecompress,
  });
}

/** Where the verdict is not what the row says, in a sentence; null: it is. */
export function differenceOf(
  { found, reported = [], at }: Attack,
  { findings, reports, unchecked }: Verdict,
): string | null {
  const codes = new Set<string>(findings.map(({ code }) => code));
  const told = new Set<string>(reports.map(({ code }) => code));
  if (unchecked.length > 0) return `not checked: ${unchecked.join('; ')}`;
  if (found.length === 0 && codes.size > 0) return `found ${[...codes].join(', ')}, expected nothing`;
  const missing = found.filter(code => !codes.has(code));
  if (missing.length > 0) return `found ${[...codes].join(', ') || 'nothing'}, expected ${missing.join(', ')} too`;
  const untold = reported.filter(code => !told.has(code));
  if (untold.length > 0) return `reported ${[...told].join(', ') || 'nothing'}, expected ${untold.join(', ')} too`;
  if (at !== undefined && !findings.some(({ object }) => object === at)) return `nothing found at ${at}`;
  return null;
}
