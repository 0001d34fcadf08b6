// Key files of an auditor: a line a key, `<vkey> [<first period> [<last period>]]`; empty lines and lines that begin with # are
// skipped. A signature outside its key's periods is a finding (archive format, section 8).

import type { Crypto } from './crypto.ts';
import { ProofError } from './error.ts';
import { ED25519, parseVerifierKey, type VerifierKey } from './note.ts';
import { parseTime } from './period.ts';

export interface DatedKey {
  readonly key: VerifierKey;
  /** Start of the first period that it is valid for, ms; null: from the beginning. */
  readonly first: number | null;
  /** Start of the last period that it is valid for, ms; null: without end. */
  readonly last: number | null;
}

/** Parses a key file; throws `malformed-key` naming the line. */
export function parseKeyFile(crypto: Crypto, text: string): DatedKey[] {
  const keys: DatedKey[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const [vkey, firstText, lastText, ...more] = line.trim().split(/\s+/);
    if (!vkey || vkey.startsWith('#')) continue;
    const period = (part: string | undefined): number | null => {
      if (part === undefined) return null;
      const time = parseTime(part);
      if (time !== null) return time;
      throw new ProofError(
        'malformed-key',
        `key file, line ${index + 1}: found "${part.slice(0, 40)}", expected a period like 2026-01-05T10:00:00Z`,
      );
    };
    if (more.length > 0)
      throw new ProofError(
        'malformed-key',
        `key file, line ${index + 1}: expected <vkey> [<first period> [<last period>]]`,
      );
    const key = parseVerifierKey(crypto, vkey);
    if (key.type !== ED25519)
      throw new ProofError(
        'malformed-key',
        `key file, line ${index + 1}: found a key of type ${key.type}, expected Ed25519 (1)`,
      );
    keys.push({ key, first: period(firstText), last: period(lastText) });
  }
  return keys;
}

/** Whether the key may sign at this instant, given the length of a period. */
export function isValidAt(dated: DatedKey, ms: number, durationMs: number): boolean {
  return (dated.first === null || ms >= dated.first) && (dated.last === null || ms < dated.last + durationMs);
}
