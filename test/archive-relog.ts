// An attacker with the archiver's key: manifests and log of an archive written anew over objects as they are, true or not. Also
// of the golden archive, whose keys nobody has: it is then signed by the test's key of the same name.

import { nodeCrypto } from '../core/edge/crypto.ts';
import { formatManifest, type Manifest, objectDigest, parseManifest } from '../core/proof/batch.ts';
import { formatVerifierKey, parseNote, signNote } from '../core/proof/note.ts';
import { manifestKey, parseDuration } from '../core/proof/period.ts';
import { type LogHooks, writeLog } from './archive-log.ts';
import { cloneObjects, latest, type Objects, putVersion } from './archive-objects.ts';
import { testKeys, testSigner } from './test-keys.ts';

export interface RelogHooks extends LogHooks {
  readonly manifest?: (manifest: Manifest, k: number) => Manifest;
  readonly manifestText?: (text: string, k: number) => string;
  /** Lists each segment with the digest and length of the bytes that are stored now. */
  readonly refresh?: boolean;
}

function refreshed(manifest: Manifest, objects: Objects): Manifest {
  const partitions = manifest.partitions.map(row => ({
    ...row,
    segments: row.segments.map(segment => {
      const stored = objects.get(segment.key)?.at(-1);
      if (!stored || stored.isDeleteMarker) return segment;
      return { ...segment, sha256: objectDigest(nodeCrypto.sha256, stored.bytes), bytes: stored.bytes.length };
    }),
  }));
  return { ...manifest, partitions };
}

/**
 * A copy of the objects with all manifests changed as the hooks say, joined and signed again, and a new log over them:
 * one version of each, as if it had never been otherwise. `policyText` accepts it.
 */
export function relog(objects: Objects, hooks: RelogHooks = {}): { objects: Objects; policyText: string } {
  const out = cloneObjects(objects);
  const manifests = [...objects.keys()].filter(key => key.startsWith('batches/')).sort();
  const [first] = manifests;
  if (first === undefined) throw new Error('no manifest');
  const retainUntil = latest(objects, first).retainUntil;
  for (const key of [...out.keys()]) if (/^(batches|log)\//.test(key)) out.delete(key);
  const batches: { manifest: Manifest; bytes: Uint8Array }[] = [];
  const origin = parseManifest(parseNote(latest(objects, first).bytes).text).origin;
  const signer = testSigner(origin);
  for (const [k, key] of manifests.entries()) {
    const before = batches.at(-1);
    const old = parseManifest(parseNote(latest(objects, key).bytes).text);
    const previous = before && {
      period: before.manifest.period,
      sha256: objectDigest(nodeCrypto.sha256, before.bytes),
    };
    const joined = { ...(hooks.refresh ? refreshed(old, out) : old), previous: previous ?? null };
    const manifest = hooks.manifest?.(joined, k) ?? joined;
    const text = formatManifest(manifest);
    batches.push({ manifest, bytes: signNote(hooks.manifestText?.(text, k) ?? text, signer) });
  }
  const lock = { retainUntil, mode: 'COMPLIANCE' } as const;
  for (const { manifest, bytes } of batches) putVersion(out, manifestKey(Date.parse(manifest.period)), bytes, lock);
  const durationMs = parseDuration(batches[0]?.manifest.duration ?? '').ms;
  const log = { origin, durationMs, batches, signer, witnesses: [testKeys.witness] };
  writeLog(log, hooks, (key, bytes, lastModified) => putVersion(out, key, bytes, { ...lock, lastModified }));
  const witness = formatVerifierKey(testKeys.witness.key);
  const policyText = `log ${formatVerifierKey(signer.key)}\nwitness w1 ${witness}\nquorum w1\n`;
  return { objects: out, policyText };
}

/** A manifest with one partition's row changed. */
export function withRow(
  manifest: Manifest,
  partition: number,
  change: (row: Manifest['partitions'][number]) => Partial<Manifest['partitions'][number]>,
): Manifest {
  const partitions = manifest.partitions.map(row => (row.partition === partition ? { ...row, ...change(row) } : row));
  return { ...manifest, partitions };
}
