/** API keys against a file of their hashes, read again when it changes. A broken file never takes effect. */
import { readFile } from 'node:fs/promises';
import { FileSource } from '../../core/edge/file-source.ts';
import { apiKeyId, isApiKey } from './api-key.ts';
import { parseApiKeys, type StoredApiKey } from './api-key-file.ts';
import { attributesOf } from './claims.ts';
import { IdentityError } from './error.ts';
import type { Checker, Presented, VerifiedIdentity } from './identity.ts';

export interface ApiKeyOptions {
  /** Path of the file. */
  readonly file: string;
  /** What the identity names as issuer, such as the name of the platform. */
  readonly issuer?: string | undefined;
  /** How often it is looked at; default 2,000. A change takes effect once it was seen twice alike. */
  readonly intervalMs?: number | undefined;
  readonly onReload?: ((keys: number) => void) | undefined;
  /** The file as it is now breaks rules or can't be read; the keys before it stay in force. An alarm. */
  readonly onBroken?: ((error: unknown) => void) | undefined;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

type Keys = ReadonlyMap<string, StoredApiKey>;

/** Opens the file. Throws IdentityError `invalid-file` where there is nothing valid to begin with. */
export async function openApiKeyChecker(options: ApiKeyOptions): Promise<Checker> {
  const { file, issuer, intervalMs = 2000, now = Date.now } = options;
  const source = await FileSource.open<Keys>({
    list: async () => [file],
    read: () => readKeys(file),
    onReload: keys => options.onReload?.(keys.size),
    onBroken: error => options.onBroken?.(error),
    intervalMs,
  }).catch((error: unknown) => {
    throw error instanceof IdentityError ? error : unreadable(file, error);
  });
  return {
    accepts: presented => presented.kind === 'api-key',
    check: async presented => {
      const key = checkKey(presented, source.value, now());
      return identityOf(key, issuer, now());
    },
    close: () => source.close(),
  };
}

async function readKeys(file: string): Promise<Keys> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unreadable(file, error);
  });
  return new Map(parseApiKeys(text, file).map(key => [key.id, key]));
}

function checkKey(presented: Presented, keys: Keys, nowMs: number): StoredApiKey {
  if (presented.kind !== 'api-key') {
    throw new IdentityError('unsupported', `found a ${presented.kind}, expected an API key`);
  }
  const id = apiKeyId(presented.key);
  if (id === undefined) throw new IdentityError('malformed', 'found no API key: its form or its checksum is wrong');
  const stored = keys.get(id);
  // One answer for an id that is not there and a secret that is wrong; what became of a key is told to its holder alone.
  if (!isApiKey(presented.key, stored?.hash) || stored === undefined) {
    throw new IdentityError('unknown-key', 'the API key is not known');
  }
  if (stored.revoked !== undefined)
    throw new IdentityError('revoked', `the API key was revoked at ${stored.revoked.at}`);
  if (Date.parse(stored.expires) <= nowMs)
    throw new IdentityError('expired', `the API key expired at ${stored.expires}`);
  return stored;
}

function identityOf(key: StoredApiKey, issuer: string | undefined, nowMs: number): VerifiedIdentity {
  return {
    attribution: 'verified',
    actor: {
      ...key.actor,
      roles: key.roles,
      onBehalfOf: [],
      credential: { method: 'api-key', issuer, subject: key.actor.id, keyId: key.id, checkedAt: nowMs * 1000 },
    },
    attributes: attributesOf({ 'api-key.owner': key.owner }),
    expiresAt: Date.parse(key.expires),
  };
}

function unreadable(file: string, error: unknown): IdentityError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
  return new IdentityError('invalid-file', `${file}: can't be read (${code})`);
}
