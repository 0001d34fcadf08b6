// The head: the largest checkpoint that the policy accepts and that the log's entries lead to (archive format, section 5).
// Whoever can write to the bucket may put anything over anything, so all versions are candidates.

import { nodeCrypto } from '../../core/edge/crypto.ts';
import { equalBytes } from '../../core/proof/bytes.ts';
import { parseSignedCheckpoint, type SignedCheckpoint } from '../../core/proof/checkpoint.ts';
import { ProofError } from '../../core/proof/error.ts';
import { checkpointKey, ENTRIES_LEVEL, parseEntryBundle, tileKey, tilesOf, tileWidth } from '../../core/proof/log.ts';
import { leafHash, treeRoot } from '../../core/proof/merkle.ts';
import { hasQuorum, logKeyOf, type Policy } from '../../core/proof/policy.ts';
import type { ArchiveStore, ObjectVersion } from '../store.ts';
import { collect, mapAhead } from './ahead.ts';
import { versionsOf } from './versions.ts';

/** A log whose entries lead to an accepted checkpoint. */
export interface Log {
  readonly checkpoint: SignedCheckpoint;
  /** The checkpoint's note as it is stored. */
  readonly note: Uint8Array;
  readonly entries: readonly Uint8Array[];
  /** Leaf hashes of the entries. */
  readonly leaves: readonly Uint8Array[];
}

interface Accepted {
  readonly checkpoint: SignedCheckpoint;
  readonly note: Uint8Array;
}

/** Checkpoints that don't fit the entries before it is given up. */
const maxTries = 16;

/** Finds the head; where there is none, `why` says so in words. `seen`: whether the log has any checkpoint at all. */
export async function openLog(
  store: ArchiveStore,
  policy: Policy,
): Promise<{ log: Log } | { log: null; why: string; seen: boolean }> {
  const versions = await collect(store.list(checkpointKey));
  let tried = 0;
  for await (const accepted of acceptedCheckpoints(store, policy, versions)) {
    const log = await entriesUnder(store, accepted);
    if (log) return { log };
    if (++tried === maxTries) break;
  }
  const seen = versions.length > 0;
  if (tried > 0) return { log: null, why: "the log's entries do not lead to its checkpoint", seen };
  return { log: null, why: seen ? 'the policy accepts no checkpoint of this log' : 'the log has no checkpoint', seen };
}

/** Accepted checkpoints, the largest first. */
async function* acceptedCheckpoints(
  store: ArchiveStore,
  policy: Policy,
  versions: readonly ObjectVersion[],
): AsyncGenerator<Accepted> {
  const read = async (version: ObjectVersion): Promise<Accepted | null> => {
    if (version.isDeleteMarker) return null;
    const note = await store.read(version.key, version.versionId);
    return note && accept(policy, note);
  };
  // Of the many versions of `checkpoint` only the newest that is accepted can matter: it is replaced by larger ones alone.
  let current: Accepted | null = null;
  for (const version of versions) {
    if (version.key !== checkpointKey || current) continue;
    current = await read(version);
  }
  const sized = versions
    .flatMap(version => {
      const size = /^log\/checkpoints\/(\d{20})$/.exec(version.key)?.[1];
      return size === undefined ? [] : [{ version, size: Number(size) }];
    })
    .sort((a, b) => b.size - a.size);
  for (const { version, size } of sized) {
    if (current && size <= current.checkpoint.size) {
      yield current;
      current = null;
    }
    const accepted = await read(version);
    if (accepted?.checkpoint.size === size) yield accepted;
  }
  if (current) yield current;
}

function accept(policy: Policy, note: Uint8Array): Accepted | null {
  try {
    const checkpoint = parseSignedCheckpoint(note);
    const accepted = logKeyOf(nodeCrypto, policy, checkpoint) && hasQuorum(nodeCrypto, policy, checkpoint);
    return accepted ? { checkpoint, note } : null;
  } catch (error) {
    if (error instanceof ProofError) return null;
    throw error;
  }
}

interface Bundle {
  readonly entries: readonly Uint8Array[];
  readonly leaves: readonly Uint8Array[];
}

async function entriesUnder(store: ArchiveStore, { checkpoint, note }: Accepted): Promise<Log | null> {
  const places = tilesOf(checkpoint.size).filter(tile => tile.level === ENTRIES_LEVEL);
  const latest: Bundle[] = [];
  for await (const bundle of mapAhead(places, 8, tile => firstOf(bundles(store, tile)))) {
    if (!bundle) return null;
    latest.push(bundle);
  }
  const chosen = leadsTo(checkpoint, latest) ? latest : await otherVersions(store, checkpoint, places);
  if (!chosen) return null;
  return {
    checkpoint,
    note,
    entries: chosen.flatMap(bundle => bundle.entries),
    leaves: chosen.flatMap(bundle => bundle.leaves),
  };
}

type Place = ReturnType<typeof tilesOf>[number];

/** Bundles that can stand at this place: versions of the tile, or, where a partial one is outgrown and gone, wider ones. */
async function* bundles(store: ArchiveStore, { level, index, width }: Place): AsyncGenerator<Bundle> {
  for (let wider = width; wider <= tileWidth; wider++) {
    for await (const bytes of versionsOf(store, tileKey({ level, index, width: wider }))) {
      const bundle = bundleOf(bytes, width);
      if (bundle) yield bundle;
    }
  }
}

function bundleOf(bytes: Uint8Array, width: number): Bundle | null {
  try {
    const entries = parseEntryBundle(bytes).slice(0, width);
    if (entries.length !== width) return null;
    return { entries, leaves: entries.map(entry => leafHash(nodeCrypto.sha256, entry)) };
  } catch {
    return null;
  }
}

/** Tries each combination of what is stored, within bounds, where the latest versions don't lead to the root. */
async function otherVersions(
  store: ArchiveStore,
  checkpoint: SignedCheckpoint,
  places: readonly Place[],
): Promise<Bundle[] | null> {
  const options: Bundle[][] = [];
  for await (const all of mapAhead(places, 4, tile => collect(bundles(store, tile)))) options.push(all);
  const combinations = options.reduce((product, all) => product * all.length, 1);
  for (let i = 0; i < Math.min(combinations, 1024); i++) {
    let rest = i;
    const chosen = options.flatMap(all => {
      const bundle = all[rest % all.length];
      rest = Math.floor(rest / all.length);
      return bundle ? [bundle] : [];
    });
    if (leadsTo(checkpoint, chosen)) return chosen;
  }
  return null;
}

function leadsTo(checkpoint: SignedCheckpoint, bundles: readonly Bundle[]): boolean {
  const leaves = bundles.flatMap(bundle => bundle.leaves);
  return leaves.length === checkpoint.size && equalBytes(treeRoot(nodeCrypto.sha256, leaves), checkpoint.root);
}

async function firstOf<T>(items: AsyncIterable<T>): Promise<T | null> {
  for await (const item of items) return item;
  return null;
}
