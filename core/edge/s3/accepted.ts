// Whose signatures a writer goes on from (archive format, section 6): one by a key it knows is accepted, none means planted, and one in
// the archive's own name by a key or of a format that it does not know makes it stop, since it may be the one that is out of date.

import { hex } from '../../proof/bytes.ts';
import type { Crypto } from '../../proof/crypto.ts';
import { type Note, signerOf, type VerifierKey } from '../../proof/note.ts';
import { BucketError } from './error.ts';

/** Whether a note is signed by one of the keys, all of whose name is `name`. Throws `unknown-signature`. */
export function isAccepted(
  crypto: Crypto,
  note: Note,
  keys: readonly VerifierKey[],
  name: string,
  where: string,
): boolean {
  if (signerOf(crypto, note, keys)) return true;
  const unknown = note.signatures.find(
    line => line.name === name && !keys.some(key => hex(key.id) === hex(line.id) && key.name === line.name),
  );
  if (!unknown) return false;
  const known = keys.map(key => `${key.name}+${hex(key.id)}`).join(', ');
  throw new BucketError(
    'unknown-signature',
    `${where}: signed by ${unknown.name}+${hex(unknown.id)}, expected one of ${known || 'no key at all'}. ` +
      'Stopped, nothing was added. If the key is ours, add it to TIDEMARK_SEAL_VERIFIERS or TIDEMARK_LOG_VERIFIERS',
  );
}

/** Throws `unknown-format` where a text names a later version of a format that we know by `family` (such as `tidemark-seal`). */
export function checkFormat(text: string, family: string, version: string, where: string): void {
  const found = new RegExp(`${family}/(\\d+)`).exec(text.slice(0, 200))?.[1];
  if (found === undefined || found === version) return;
  throw new BucketError(
    'unknown-format',
    `${where}: found ${family}/${found}, expected ${family}/${version}. Stopped, nothing was added: upgrade this program`,
  );
}
