/**
 * Changes the file of API keys: whole or not at all. Two who change it at once would lose one of the changes, so each holds
 * a lock beside it; checkers that read it meanwhile see the file before or after.
 */

import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { generateApiKey } from './api-key.ts';
import { parseApiKeys, type StoredApiKey, withApiKey, withRevoked } from './api-key-file.ts';
import { IdentityError } from './error.ts';

export type ApiKeyGrant = Pick<StoredApiKey, 'actor' | 'owner' | 'roles'> & {
  /** Who makes it. */
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
};

/** A new key: it is in the file, durably, when this returns; the file is made where there is none. */
export function createApiKey(path: string, grant: ApiKeyGrant, nowMs: number): { key: string; stored: StoredApiKey } {
  const { actor, owner, roles, by, expiresAt } = grant;
  const { id, key, hash, lastFour } = generateApiKey();
  const created = { at: timeText(nowMs), by };
  const stored: StoredApiKey = { id, hash, lastFour, actor, owner, roles, created, expires: timeText(expiresAt) };
  change(path, text => withApiKey(text, stored, path));
  return { key, stored };
}

/** Marks a key as revoked. Throws `unknown-key`, and `revoked` where it was already. */
export function revokeApiKey(path: string, id: string, by: string, reason: string | undefined, nowMs: number): void {
  const revoked = { at: timeText(nowMs), by, ...(reason === undefined ? {} : { reason }) };
  change(path, text => withRevoked(text ?? missing(path), id, revoked, path));
}

export function listApiKeys(path: string): readonly StoredApiKey[] {
  return parseApiKeys(read(path) ?? missing(path), path);
}

function change(path: string, edit: (text: string | undefined) => string): void {
  const lock = `${path}.lock`;
  try {
    closeSync(openSync(lock, 'wx'));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw new IdentityError('invalid-file', `${lock} can't be made (${codeOf(error)})`);
    throw new IdentityError('invalid-file', `${lock} is there: another one changes the file. If not, delete it`);
  }
  try {
    replace(path, edit(read(path)));
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Written aside, made durable, put in place. The file keeps its mode. */
function replace(path: string, text: string): void {
  const aside = `${path}.${randomUUID()}`;
  const mode = (statSync(path, { throwIfNoEntry: false })?.mode ?? 0o600) & 0o777;
  try {
    const file = openSync(aside, 'wx', mode);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw new IdentityError('invalid-file', `${path} can't be written (${codeOf(error)})`);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new IdentityError('invalid-file', `${path}: can't be read (${codeOf(error)})`);
  }
}

function missing(path: string): never {
  throw new IdentityError('invalid-file', `${path}: found no such file, expected a file of API keys`);
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'an error';

/** To the second. */
const timeText = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
