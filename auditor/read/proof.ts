// Whether the proof holds on an event, and the check of a segment's runs that decides it.

import { nodeDecompress } from '../../core/edge/compression.ts';
import { nodeCrypto } from '../../core/edge/crypto.ts';
import { type DatedKey, isValidAt } from '../../core/proof/keys.ts';
import { signerOf } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { checkRun, parseSegment, type ReaderCache, type Run, type Segment } from '../../core/proof/segment.ts';

/**
 * `proven`: its segment is listed by a manifest that the log commits to under an accepted checkpoint, and its run is as a
 * normalizer sealed it. `pending`: sealed and joined, but in no batch under an accepted checkpoint yet.
 */
export type Proof =
  | { readonly status: 'proven' }
  | { readonly status: 'pending' }
  | { readonly status: 'unproven'; readonly why: string };

export const proven: Proof = { status: 'proven' };
export const pending: Proof = { status: 'pending' };

export function unproven(why: string): Proof {
  return { status: 'unproven', why };
}

/** As people read it: `proven`, `pending`, `unproven: why`. */
export function proofText(proof: Proof): string {
  return proof.status === 'unproven' ? `unproven: ${proof.why}` : proof.status;
}

/** Opens a segment's bytes; the text is why it can't be read. */
export function openSegment(bytes: Uint8Array, readers: ReaderCache): Segment | string {
  try {
    return parseSegment(nodeCrypto, bytes, nodeDecompress, readers);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What of the seal's side stands against a run's proof; null: nothing. */
export function runProblem(
  run: Run,
  schema: string,
  origin: string,
  durationMs: number,
  keys: readonly DatedKey[] | null,
): string | null {
  if (keys === null) return 'no normalizer keys given';
  const { seal, note } = run.sealed;
  if (seal.origin !== origin) return `the seal is of ${seal.origin}, expected ${origin}`;
  const named = keys.filter(({ key }) => key.name === sealKeyName(origin));
  const signer = signerOf(
    nodeCrypto,
    note,
    named.map(({ key }) => key),
  );
  if (!signer) return `the seal is not signed by a key of ${sealKeyName(origin)} that was given`;
  if (!named.some(dated => dated.key === signer && isValidAt(dated, seal.sealedAt, durationMs)))
    return 'the seal is signed outside the periods that its key is valid for';
  return checkRun(nodeCrypto.sha256, run, schema)[0] ?? null;
}
