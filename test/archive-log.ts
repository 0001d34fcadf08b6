// The log of batches of a test archive: entries, tiles and checkpoints of every size, from manifests, true or not.

import { nodeCrypto } from '../core/edge/crypto.ts';
import { type Manifest, objectDigest } from '../core/proof/batch.ts';
import { type Checkpoint, formatCheckpoint } from '../core/proof/checkpoint.ts';
import {
  checkpointKey,
  ENTRIES_LEVEL,
  entryData,
  formatEntryBundle,
  hashTile,
  type LogEntry,
  sizedCheckpointKey,
  tileKey,
  tilesAddedAt,
  tileWidth,
} from '../core/proof/log.ts';
import { leafHash, treeRoot } from '../core/proof/merkle.ts';
import { formatNote, parseNote, type Signer, signNote } from '../core/proof/note.ts';
import type { Cosigner } from './test-keys.ts';

export interface LogHooks {
  /** The k-th entry, before it becomes a leaf. */
  readonly entry?: (entry: LogEntry, k: number) => LogEntry;
  /** The checkpoint of each size, before it is signed. */
  readonly checkpoint?: (checkpoint: Checkpoint) => Checkpoint;
  readonly signCheckpoint?: (text: string, size: number) => Uint8Array;
  /** Who cosigns the checkpoint of this size; otherwise the test witness. */
  readonly witnesses?: (size: number) => readonly Cosigner[];
  /** Time of the cosignatures of this size, seconds; otherwise a minute behind the period's end. */
  readonly cosignedAt?: (size: number) => number;
  /** The largest size that the key `log/checkpoint` has got to; otherwise the last. */
  readonly checkpointAt?: number;
}

interface Log {
  readonly origin: string;
  readonly durationMs: number;
  readonly batches: readonly { readonly manifest: Manifest; readonly bytes: Uint8Array }[];
  readonly signer: Signer;
  readonly witnesses: readonly Cosigner[];
}

const { sha256 } = nodeCrypto;

function signCheckpoint(log: Log, checkpoint: Checkpoint, endMs: number, hooks: LogHooks): Uint8Array {
  const { size } = checkpoint;
  const text = formatCheckpoint(checkpoint);
  const note = parseNote(hooks.signCheckpoint?.(text, size) ?? signNote(text, log.signer));
  const time = BigInt(hooks.cosignedAt?.(size) ?? Math.floor(endMs / 1000) + 60);
  const lines = (hooks.witnesses?.(size) ?? log.witnesses).map(witness => witness.cosign(checkpoint, time));
  return formatNote({ text: note.text, signatures: [...note.signatures, ...lines] });
}

/** Puts the log's objects, size by size, as a sealer does: entries tile, hash tiles, `checkpoints/<size>`, `checkpoint`. */
export function writeLog(
  log: Log,
  hooks: LogHooks,
  put: (key: string, bytes: Uint8Array, lastModified: number) => void,
): void {
  const entries: Uint8Array[] = [];
  const leaves: Uint8Array[] = [];
  for (const [k, { manifest, bytes }] of log.batches.entries()) {
    const { period, duration, events, seals, root } = manifest;
    const truth = { origin: log.origin, period, duration, events, seals, root, manifest: objectDigest(sha256, bytes) };
    const data = entryData(hooks.entry?.(truth, k) ?? truth);
    entries.push(data);
    leaves.push(leafHash(sha256, data));
    const size = k + 1;
    const end = Date.parse(period) + log.durationMs;
    for (const tile of tilesAddedAt(size)) {
      const start = tile.index * tileWidth;
      const content =
        tile.level === ENTRIES_LEVEL
          ? formatEntryBundle(entries.slice(start, start + tile.width))
          : hashTile(sha256, leaves, tile);
      put(tileKey(tile), content, end);
    }
    const own = { origin: log.origin, size, root: treeRoot(sha256, leaves) };
    const note = signCheckpoint(log, hooks.checkpoint?.(own) ?? own, end, hooks);
    put(sizedCheckpointKey(size), note, end);
    if (size <= (hooks.checkpointAt ?? size)) put(checkpointKey, note, end);
  }
}
