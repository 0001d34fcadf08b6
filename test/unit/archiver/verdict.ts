// What the auditor says of an archive in a bucket in memory: the oracle of what a writer made of it.

import type { Verdict } from '../../../auditor/verify/index.ts';
import { verifyArchive } from '../../../auditor/verify/index.ts';
import { nodeCrypto, nodeDecompress } from '../../../core/edge/crypto.ts';
import { formatVerifierKey } from '../../../core/proof/note.ts';
import { parsePolicy } from '../../../core/proof/policy.ts';
import { memoryStore, type Objects } from '../../archive-objects.ts';
import type { MemoryBucket } from '../../memory-bucket.ts';
import { testKeys } from '../../test-keys.ts';
import { retentionMs } from './world.ts';

export async function verdictOf(bucket: MemoryBucket, at = bucket.now()): Promise<Verdict> {
  const objects: Objects = new Map();
  for (const version of bucket.dump().toReversed()) {
    const mode = version.retainUntil === null ? null : 'COMPLIANCE';
    objects.set(version.key, [...(objects.get(version.key) ?? []), { ...version, mode }]);
  }
  return verifyArchive(memoryStore(objects), {
    policy: parsePolicy(nodeCrypto, `log ${formatVerifierKey(testKeys.log.key)}\nquorum none\n`),
    sealKeys: [{ key: testKeys.seal.key, first: null, last: null }],
    logKeys: null,
    at,
    from: null,
    to: null,
    minRetention: retentionMs,
    crypto: nodeCrypto,
    decompress: nodeDecompress,
  });
}

/** Its findings, in words. */
export async function findingsOf(bucket: MemoryBucket): Promise<string[]> {
  return (await verdictOf(bucket)).findings.map(({ code, message }) => `${code}: ${message}`);
}
