// What the auditor says of an archive in a bucket in memory: the oracle of what a writer made of it.

import type { Verdict } from '../../../auditor/verify/index.ts';
import { verifyArchive } from '../../../auditor/verify/index.ts';
import { nodeDecompress } from '../../../core/edge/compression.ts';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { formatVerifierKey, type VerifierKey } from '../../../core/proof/note.ts';
import { parsePolicy } from '../../../core/proof/policy.ts';
import { memoryStore, type Objects } from '../../archive-objects.ts';
import type { MemoryBucket } from '../../memory-bucket.ts';
import { testKeys } from '../../test-keys.ts';
import type { CheckedVersion } from './check-archive.ts';
import { retentionMs } from './world.ts';

/** Of each key the newest version first, as a bucket lists them. */
export async function verdictOf(
  versions: readonly CheckedVersion[],
  how: { readonly at: number; readonly logKey?: VerifierKey; readonly minRetention: number },
): Promise<Verdict> {
  const objects: Objects = new Map();
  for (const version of versions.toReversed()) {
    const mode = version.retainUntil === null ? null : 'COMPLIANCE';
    objects.set(version.key, [...(objects.get(version.key) ?? []), { ...version, mode }]);
  }
  const vkey = formatVerifierKey(how.logKey ?? testKeys.log.key);
  return verifyArchive(memoryStore(objects), {
    policy: parsePolicy(nodeCrypto, `log ${vkey}\nquorum none\n`),
    sealKeys: [{ key: testKeys.seal.key, first: null, last: null }],
    logKeys: null,
    at: how.at,
    from: null,
    to: null,
    minRetention: how.minRetention,
    crypto: nodeCrypto,
    decompress: nodeDecompress,
  });
}

/** Its findings, in words. */
export async function findingsOf(bucket: MemoryBucket): Promise<string[]> {
  const { findings } = await verdictOf(bucket.dump(), { at: bucket.now(), minRetention: retentionMs });
  return findings.map(({ code, message }) => `${code}: ${message}`);
}
