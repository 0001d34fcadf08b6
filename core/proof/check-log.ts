// Which log the signed checkpoints commit to (archive format, section 5). An attacker controls every object here: checkpoints and
// tiles may be missing, altered, planted or old. What counts is what leads to a signed root.

import { equalBytes, hex } from './bytes.ts';
import { parseSignedCheckpoint, type SignedCheckpoint } from './checkpoint.ts';
import type { Crypto } from './crypto.ts';
import type { Notebook } from './finding.ts';
import { checkpointKey, parseEntryBundle, sizedCheckpointKey, tileWidth } from './log.ts';
import { leafHash, TreeHasher } from './merkle.ts';
import { hasQuorum, logKeyOf, type Policy } from './policy.ts';

/** A version of `checkpoint` or of `checkpoints/<size>`. */
export interface CheckpointVersion {
  readonly key: string;
  readonly versionId: string | null;
  readonly bytes: Uint8Array;
}

/** A version of an entry bundle. */
export interface BundleVersion {
  readonly key: string;
  readonly index: number;
  readonly width: number;
  readonly bytes: Uint8Array;
}

export interface ResolvedLog {
  readonly origin: string;
  /** Entries' data that the largest consistent signed checkpoint commits to. */
  readonly entries: readonly Uint8Array[];
  /** Leaf hashes of `entries`. */
  readonly leaves: readonly Uint8Array[];
  /** Largest checkpoint that the policy accepts, null where it accepts none. */
  readonly head: SignedCheckpoint | null;
  /** Largest checkpoint with the log's signature, whatever witnesses say. */
  readonly signed: SignedCheckpoint | null;
}

interface Signed {
  readonly version: CheckpointVersion;
  readonly checkpoint: SignedCheckpoint;
}

function openCheckpoints(
  crypto: Crypto,
  policy: Policy,
  versions: readonly CheckpointVersion[],
  notebook: Notebook,
): Signed[] {
  return versions.flatMap(version => {
    const where = { object: version.key, ...(version.versionId ? { versionId: version.versionId } : {}) };
    try {
      const checkpoint = parseSignedCheckpoint(version.bytes);
      if (!logKeyOf(crypto, policy, checkpoint)) {
        notebook.finding(
          'checkpoint-unsigned',
          where,
          `a checkpoint of ${checkpoint.origin}, size ${checkpoint.size}, without a valid signature by a log key of the policy`,
        );
        return [];
      }
      if (version.key !== checkpointKey && version.key !== sizedCheckpointKey(checkpoint.size)) {
        notebook.finding('checkpoint-inconsistent', where, `holds the checkpoint of size ${checkpoint.size}`);
        return [];
      }
      return [{ version, checkpoint }];
    } catch (error) {
      notebook.finding(
        'checkpoint-unsigned',
        where,
        `not a signed checkpoint: ${error instanceof Error ? error.message : error}`,
      );
      return [];
    }
  });
}

/** The entries of each bundle, candidates apart: what is malformed is none. */
function candidatesOf(bundles: readonly BundleVersion[]): Map<number, Uint8Array[][]> {
  const byIndex = new Map<number, { entries: Uint8Array[]; width: number }[]>();
  for (const { index, width, bytes } of bundles) {
    try {
      const entries = parseEntryBundle(bytes);
      if (entries.length !== width) continue;
      byIndex.set(index, [...(byIndex.get(index) ?? []), { entries, width }]);
    } catch {
      // The tile's own check says that it leads to no signed root.
    }
  }
  return new Map(
    [...byIndex].map(([index, list]) => [index, list.toSorted((a, b) => b.width - a.width).map(one => one.entries)]),
  );
}

/** Roots at the sizes of interest, of one sequence of leaves. */
export function rootsAt(
  crypto: Crypto,
  leaves: readonly Uint8Array[],
  sizes: ReadonlySet<number>,
): Map<number, Uint8Array> {
  const roots = new Map<number, Uint8Array>();
  const tree = new TreeHasher(crypto.sha256);
  if (sizes.has(0)) roots.set(0, tree.root());
  for (const leaf of leaves) {
    tree.append(leaf);
    if (sizes.has(tree.size)) roots.set(tree.size, tree.root());
  }
  return roots;
}

/** Enough for some planted tiles, few enough not to be kept busy by many. */
const maxAttempts = 64;

/** Every sequence of entries that the bundles allow, longest first; `fallback` fills what they lack. */
function* sequences(
  candidates: ReadonlyMap<number, Uint8Array[][]>,
  fallback: readonly (Uint8Array | null)[],
): Generator<Uint8Array[]> {
  const known = (index: number): Uint8Array[] => {
    const entries: Uint8Array[] = [];
    for (let at = index * tileWidth; at < (index + 1) * tileWidth; at++) {
      const entry = fallback[at];
      if (!entry) break;
      entries.push(entry);
    }
    return entries;
  };
  function* from(index: number, before: readonly Uint8Array[]): Generator<Uint8Array[]> {
    const rebuilt = known(index);
    const choices = [...(candidates.get(index) ?? []), ...(rebuilt.length > 0 ? [rebuilt] : [])];
    for (const choice of choices) {
      if (choice.length === tileWidth) yield* from(index + 1, [...before, ...choice]);
      else yield [...before, ...choice];
    }
    if (choices.length === 0) yield [...before];
  }
  yield* from(0, []);
}

interface Best {
  readonly entries: Uint8Array[];
  readonly leaves: Uint8Array[];
  readonly roots: Map<number, Uint8Array>;
  readonly size: number;
  readonly matched: number;
}

function bestSequence(crypto: Crypto, signed: readonly Signed[], all: Iterable<Uint8Array[]>): Best {
  const sizes = new Set(signed.map(({ checkpoint }) => checkpoint.size));
  const largest = Math.max(0, ...sizes);
  let best: Best = { entries: [], leaves: [], roots: new Map(), size: 0, matched: -1 };
  let attempts = 0;
  for (const entries of all) {
    const leaves = entries.map(entry => leafHash(crypto.sha256, entry));
    const roots = rootsAt(crypto, leaves, sizes);
    const agreeing = signed.filter(({ checkpoint }) => {
      const root = roots.get(checkpoint.size);
      return root !== undefined && equalBytes(root, checkpoint.root);
    });
    const size = Math.max(0, ...agreeing.map(({ checkpoint }) => checkpoint.size));
    const better = size > best.size || (size === best.size && agreeing.length > best.matched);
    if (better) best = { entries, leaves, roots, size, matched: agreeing.length };
    if (agreeing.length === signed.length || size === largest || ++attempts >= maxAttempts) break;
  }
  return best;
}

/** Signatures of all versions with the same text together: cosignatures that came later are further versions. */
function merged(signed: readonly Signed[], size: number, root: Uint8Array): SignedCheckpoint[] {
  const byText = new Map<string, SignedCheckpoint>();
  for (const { checkpoint } of signed) {
    if (checkpoint.size !== size || !equalBytes(checkpoint.root, root)) continue;
    const known = byText.get(checkpoint.note.text);
    const signatures = [...(known?.note.signatures ?? []), ...checkpoint.note.signatures];
    byText.set(checkpoint.note.text, { ...checkpoint, note: { text: checkpoint.note.text, signatures } });
  }
  return [...byText.values()];
}

/** Checks each signed checkpoint against the entries; answers the sizes that agree, largest first. */
function consistentSizes(signed: readonly Signed[], best: Best, notebook: Notebook): number[] {
  const sizes = new Set<number>();
  for (const { version, checkpoint } of signed) {
    const where = { object: version.key, ...(version.versionId ? { versionId: version.versionId } : {}) };
    const root = best.roots.get(checkpoint.size);
    if (!root) {
      notebook.finding(
        'log-shortened',
        where,
        `a signed checkpoint of ${checkpoint.size} entries, but the log's tiles hold ${best.entries.length}`,
      );
    } else if (!equalBytes(root, checkpoint.root)) {
      notebook.finding(
        'checkpoint-inconsistent',
        where,
        `a signed checkpoint of ${checkpoint.size} entries with root ${hex(checkpoint.root)}, the log's entries lead to ${hex(root)}`,
      );
    } else {
      sizes.add(checkpoint.size);
    }
  }
  return [...sizes].toSorted((a, b) => b - a);
}

/**
 * Finds the log's entries and head among what is stored. `fallback` answers the entries that the manifests in the bucket give
 * (entry k at k, null where there is none): with them a log whose tiles were removed can still be checked.
 */
export function resolveLog(
  crypto: Crypto,
  policy: Policy,
  checkpoints: readonly CheckpointVersion[],
  bundles: readonly BundleVersion[],
  fallback: readonly (Uint8Array | null)[],
  notebook: Notebook,
): ResolvedLog {
  const signed = openCheckpoints(crypto, policy, checkpoints, notebook);
  const best = bestSequence(crypto, signed, sequences(candidatesOf(bundles), fallback));
  const sizes = consistentSizes(signed, best, notebook);
  let head: SignedCheckpoint | null = null;
  for (const size of sizes) {
    const root = best.roots.get(size);
    head ??= (root && merged(signed, size, root).find(checkpoint => hasQuorum(crypto, policy, checkpoint))) ?? null;
  }
  // Without any signed checkpoint the manifests' entries are all there is: checked as they are, under no head.
  const size = signed.length === 0 ? best.entries.length : (sizes[0] ?? 0);
  const largest = signed.find(({ checkpoint }) => checkpoint.size === size)?.checkpoint ?? null;
  return {
    origin: largest?.origin ?? policy.logs[0]?.name ?? '',
    entries: best.entries.slice(0, size),
    leaves: best.leaves.slice(0, size),
    head,
    signed: sizes.length > 0 ? largest : null,
  };
}
