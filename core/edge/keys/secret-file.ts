// A secret of 32 bytes in a file of its own: one line, its base64. Only its owner may read it (mode 0600 or 0400), so that a secret
// that lies open is found at the start and not in an audit.

import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { KeysError } from './error.ts';

const SECRET_BYTES = 32;
const OTHERS = 0o077;

/** What a new file of a secret holds. */
export function generateSecret(): string {
  return `${randomBytes(SECRET_BYTES).toString('base64')}\n`;
}

/** The secret in a file; throws `bad-secret`, without anything of it. */
export function readSecretFile(path: string): KeyObject {
  const { text, mode } = readWithMode(path);
  if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
    const found = (mode & 0o777).toString(8).padStart(4, '0');
    throw new KeysError('bad-secret', `${path}: found mode ${found}, expected 0600: run chmod 600 on it`);
  }
  const bytes = Buffer.from(text.trim(), 'base64');
  if (bytes.length !== SECRET_BYTES || bytes.toString('base64') !== text.trim()) {
    const expected = 'expected one line, the base64 of 32 random bytes (44 characters)';
    throw new KeysError('bad-secret', `${path}: found something else (not shown), ${expected}`);
  }
  return createSecretKey(bytes);
}

/** Both of one open file: by the path twice, it could be swapped in between. */
function readWithMode(path: string): { text: string; mode: number } {
  try {
    const file = openSync(path, 'r');
    try {
      return { mode: fstatSync(file).mode, text: readFileSync(file, 'utf8') };
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'an error';
    throw new KeysError('bad-secret', `${path}: can't be read (${code})`, { cause });
  }
}
