// What the verification tests share: verifying objects in memory, and saying what was found.

import { type Verdict, verifyArchive } from '../../../auditor/verify/index.ts';
import { nodeDecompress } from '../../../core/edge/compression.ts';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { parseKeyFile } from '../../../core/proof/keys.ts';
import { parsePolicy } from '../../../core/proof/policy.ts';
import { type Golden, type MemoryStoreOptions, memoryStore, type Objects } from '../../archive-objects.ts';

export interface Trusted {
  readonly policyText: string;
  readonly sealKeysText: string;
  readonly logKeysText?: string;
  readonly at: number;
  readonly minRetention?: number;
  readonly from?: number;
  readonly to?: number;
  readonly workers?: number;
  readonly threadsFrom?: number;
}

/** Verifies objects as a bucket with versions and locks, or (`hasLocks: false`) as a copy in a folder. */
export function verifyObjects(objects: Objects, trusted: Trusted, options: MemoryStoreOptions = {}): Promise<Verdict> {
  return verifyArchive(memoryStore(objects, { lastModified: trusted.at - 60_000, ...options }), {
    policy: parsePolicy(nodeCrypto, trusted.policyText),
    sealKeys: parseKeyFile(nodeCrypto, trusted.sealKeysText),
    logKeys: trusted.logKeysText === undefined ? null : parseKeyFile(nodeCrypto, trusted.logKeysText),
    at: trusted.at,
    from: trusted.from ?? null,
    to: trusted.to ?? null,
    minRetention: trusted.minRetention ?? null,
    crypto: nodeCrypto,
    decompress: nodeDecompress,
    workers: trusted.workers,
    threadsFrom: trusted.threadsFrom,
  });
}

export function goldenTrust(golden: Golden): Trusted {
  const { policyText, sealKeysText, at, minRetention } = golden;
  return { policyText, sealKeysText, at, minRetention };
}

/** Reports and findings by kind, for comparing at a glance. */
export function codes(items: readonly { readonly code: string }[]): string[] {
  return items.map(({ code }) => code).toSorted();
}

export const goldenReports = ['expired', 'expired', 'expired', 'expired', 'late', 'restart'];
