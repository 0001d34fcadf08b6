// The settings of encryption: TIDEMARK_ENCRYPTION and what it needs. `on` and `off` are decisions; nothing at all is none, and who
// starts a program decides what follows from that.

import type { KeyObject } from 'node:crypto';
import { type Env, SettingsReader } from '../settings-reader.ts';
import { KeysError } from './error.ts';
import { isKmsArn } from './kms.ts';
import { readSecretFile } from './secret-file.ts';

export type KekSetting =
  | { readonly kind: 'local'; readonly secret: KeyObject }
  | { readonly kind: 'kms'; readonly arn: string };

export interface KeySettings {
  /** Absent: AWS. */
  readonly endpoint: string | undefined;
  readonly bucket: string;
  /** Without slashes at its ends, never empty. */
  readonly prefix: string;
  /** The current one first. */
  readonly keks: readonly [KekSetting, ...KekSetting[]];
  readonly lookupKey: KeyObject;
}

export type EncryptionSettings =
  /** Nothing was decided. */
  | { readonly state: 'unset' }
  /** `sure`: told a second time, so that COMPLIANCE evidence may hold personal data in clear. */
  | { readonly state: 'off'; readonly sure: boolean }
  | { readonly state: 'on'; readonly keys: KeySettings };

const KEY_SETTINGS = ['TIDEMARK_KEYS_BUCKET', 'TIDEMARK_KEYS_PREFIX', 'TIDEMARK_KEK', 'TIDEMARK_LOOKUP_KEY'];
const SURE = 'TIDEMARK_CLEAR_FOR_EVER';

/** Reads them and notes what is wrong; then the answer is `unset`. */
export function encryptionSettings(reader: SettingsReader): EncryptionSettings {
  const text = reader.text('TIDEMARK_ENCRYPTION');
  if (text === 'on') {
    const keys = keySettingsFrom(reader);
    return keys ? { state: 'on', keys } : { state: 'unset' };
  }
  if (text === 'off') return { state: 'off', sure: isSure(reader) };
  if (text !== undefined) {
    reader.add('TIDEMARK_ENCRYPTION', JSON.stringify(text.slice(0, 120)), 'on or off');
    return { state: 'unset' };
  }
  const given = KEY_SETTINGS.filter(name => reader.text(name) !== undefined);
  if (given.length > 0) {
    const found = `nothing, although ${given.join(' and ')} ${given.length === 1 ? 'is' : 'are'} set`;
    reader.add('TIDEMARK_ENCRYPTION', found, 'on or off');
  }
  return { state: 'unset' };
}

/** The settings of the keys alone, for commands; throws SettingsError with all that is wrong. */
export function keySettings(env: Env): KeySettings {
  const reader = new SettingsReader(env);
  const keys = keySettingsFrom(reader);
  reader.check();
  if (keys) return keys;
  throw new TypeError('a setting is missing that was checked');
}

function isSure(reader: SettingsReader): boolean {
  const text = reader.text(SURE);
  if (text !== undefined && text !== 'yes') reader.add(SURE, JSON.stringify(text.slice(0, 120)), 'yes or nothing');
  return text === 'yes';
}

function keySettingsFrom(reader: SettingsReader): KeySettings | undefined {
  const before = reader.problems.length;
  const endpoint = reader.text('S3_ENDPOINT');
  const bucket = reader.text('TIDEMARK_KEYS_BUCKET');
  if (bucket === undefined || !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    const found = bucket === undefined ? 'nothing' : JSON.stringify(bucket.slice(0, 120));
    reader.add('TIDEMARK_KEYS_BUCKET', found, "a bucket's name", "It has no Object Lock, and is not the archive's.");
  }
  const prefix = (reader.text('TIDEMARK_KEYS_PREFIX') ?? 'keys').replace(/^\/+|\/+$/g, '');
  if (prefix === '') reader.add('TIDEMARK_KEYS_PREFIX', 'slashes alone', 'a prefix, such as keys');
  const [current, ...older] = kekSettings(reader);
  const lookupKey = lookupSetting(reader);
  if (lookupKey && [current, ...older].some(kek => kek?.kind === 'local' && kek.secret.equals(lookupKey)))
    reader.add('TIDEMARK_LOOKUP_KEY', 'the secret of TIDEMARK_KEK (not shown)', 'a secret of its own');
  if (reader.problems.length > before || bucket === undefined || !current || !lookupKey) return undefined;
  return { endpoint, bucket, prefix, keks: [current, ...older], lookupKey };
}

function kekSettings(reader: SettingsReader): KekSetting[] {
  const expected = 'files of secrets, or kms:<ARN of a key>, separated by commas, the current one first';
  const parts = (reader.text('TIDEMARK_KEK') ?? '').split(',').map(part => part.trim());
  const given = parts.filter(part => part !== '');
  if (given.length === 0) reader.add('TIDEMARK_KEK', 'nothing', expected, 'tidemark keys secret makes one.');
  return given.flatMap((part): KekSetting[] => {
    if (!part.startsWith('kms:')) {
      const secret = secretSetting(reader, 'TIDEMARK_KEK', part, expected);
      return secret ? [{ kind: 'local', secret }] : [];
    }
    const arn = part.slice('kms:'.length);
    if (isKmsArn(arn)) return [{ kind: 'kms', arn }];
    reader.add('TIDEMARK_KEK', JSON.stringify(part.slice(0, 120)), 'kms:arn:aws:kms:<region>:<account>:key/<id>');
    return [];
  });
}

function lookupSetting(reader: SettingsReader): KeyObject | undefined {
  const expected = 'a file of a secret, apart from TIDEMARK_KEK';
  const path = reader.text('TIDEMARK_LOOKUP_KEY');
  if (path !== undefined) return secretSetting(reader, 'TIDEMARK_LOOKUP_KEY', path, expected);
  reader.add('TIDEMARK_LOOKUP_KEY', 'nothing', expected, 'tidemark keys secret makes one.');
  return undefined;
}

function secretSetting(reader: SettingsReader, name: string, path: string, expected: string): KeyObject | undefined {
  // A secret given instead of its file would be taken for a path: never repeat it.
  if (/^[A-Za-z0-9+/]{43}=$/.test(path)) {
    reader.add(name, 'a secret itself (not shown)', expected);
    return undefined;
  }
  try {
    return readSecretFile(path);
  } catch (error) {
    if (!(error instanceof KeysError)) throw error;
    reader.add(name, error.message, expected);
    return undefined;
  }
}
