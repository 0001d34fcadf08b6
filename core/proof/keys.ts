// Key files of an auditor: a line a key, `<vkey> [<first period> [<last period>]]`; empty lines and lines that begin with # are
// skipped. A signature outside its key's periods is a finding (archive format, section 8).

import type { Crypto } from './crypto.ts';
import { ProofError } from './error.ts';
import { ED25519, type Note, parseVerifierKey, signerOf, type VerifierKey } from './note.ts';
import { parseTime } from './period.ts';

export interface DatedKey {
  readonly key: VerifierKey;
  /** Start of the first period that it is valid for, ms; null: from the beginning. */
  readonly first: number | null;
  /** Start of the last period that it is valid for, ms; null: without end. */
  readonly last: number | null;
}

function parseLine(crypto: Crypto, line: string): DatedKey | null {
  const [vkey, firstText, lastText, ...more] = line.trim().split(/\s+/);
  if (!vkey || vkey.startsWith('#')) return null;
  const key = parseVerifierKey(crypto, vkey);
  if (key.type !== ED25519) throw new Error(`found a key of type ${key.type}, expected Ed25519 (1)`);
  if (more.length > 0) throw new Error('expected <vkey> [<first period> [<last period>]]');
  const period = (part: string | undefined): number | null => {
    const time = part === undefined ? null : parseTime(part);
    if (part === undefined || time !== null) return time;
    throw new Error(`found "${part.slice(0, 40)}", expected a period like 2026-01-05T10:00:00Z`);
  };
  const [first, last] = [period(firstText), period(lastText)];
  if (first !== null && last !== null && first > last) throw new Error('the first period is later than the last');
  return { key, first, last };
}

/** Parses a key file; throws `malformed-key` naming the line. */
export function parseKeyFile(crypto: Crypto, text: string): DatedKey[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    try {
      return parseLine(crypto, line) ?? [];
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ProofError('malformed-key', `key file, line ${index + 1}: ${why}`, { cause });
    }
  });
}

/** Whether the key may sign at this instant, given the length of a period. */
export function isValidAt(dated: DatedKey, ms: number, durationMs: number): boolean {
  return (dated.first === null || ms >= dated.first) && (dated.last === null || ms < dated.last + durationMs);
}

/**
 * How a note stands to dated keys at an instant: `valid`; `outside`, signed by one of them, but in none of its periods; `unsigned`.
 * A key may be listed for several spans, and a note be signed by an old and a new key: any pair that fits is enough.
 */
export function judgeSigner(
  crypto: Crypto,
  note: Note,
  keys: readonly DatedKey[],
  ms: number,
  durationMs: number,
): 'valid' | 'outside' | 'unsigned' {
  const isSignedBy = (dated: readonly DatedKey[]) =>
    signerOf(
      crypto,
      note,
      dated.map(({ key }) => key),
    ) !== null;
  if (isSignedBy(keys.filter(dated => isValidAt(dated, ms, durationMs)))) return 'valid';
  return isSignedBy(keys) ? 'outside' : 'unsigned';
}
