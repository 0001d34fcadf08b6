// The settings of erasures and holds, for commands.

import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { type DatedKey, parseKeyFile } from '../../proof/keys.ts';
import type { Signer } from '../../proof/note.ts';
import { type Duration, parseDuration } from '../../proof/period.ts';
import { nodeCrypto, signerFromPem } from '../crypto.ts';
import { parseKeep } from '../retention.ts';
import { type Env, type Rule, SettingsReader } from '../settings-reader.ts';

export interface ErasureSettings {
  readonly origin: string;
  readonly approvers: readonly DatedKey[];
  /** Who runs the command; null: a program that asks for nothing and approves nothing. */
  readonly me: Signer | null;
  readonly delay: Duration;
  /** After which the key of a day's refused records is destroyed. */
  readonly dayKeys: Duration;
}

/** Reads them; throws SettingsError with all that is wrong. `who`: whether one's own key is demanded. */
export function erasureSettings(env: Env, who: 'signs' | 'anybody'): ErasureSettings {
  const reader = new SettingsReader(env);
  const origin = reader.required('TIDEMARK_ORIGIN', originRule, '');
  const approvers = approversSetting(reader);
  const me = who === 'signs' ? signerSetting(reader, approvers) : null;
  const delay = reader.optional('TIDEMARK_ERASE_DELAY', duration('a duration such as P7D'), parseDuration('P7D'));
  const dayKeys = reader.optional('TIDEMARK_DAY_KEYS', duration('a duration such as P90D'), parseDuration('P90D'));
  reader.check();
  return { origin, approvers, me, delay, dayKeys };
}

/** One's own key alone, where something is to be recorded in one's name; throws SettingsError. */
export function operatorSetting(env: Env): Signer {
  const reader = new SettingsReader(env);
  const me = signerSetting(reader, approversSetting(reader));
  reader.check();
  if (me) return me;
  throw new TypeError('a setting is missing that was checked');
}

function approversSetting(reader: SettingsReader): DatedKey[] {
  const name = 'TIDEMARK_APPROVERS';
  const expected = 'a file of the verifier keys of those who may ask and approve, a line each';
  const path = reader.text(name);
  if (path === undefined) {
    reader.add(name, 'nothing', expected, 'tidemark keys generate --name <person> prints such a line.');
    return [];
  }
  const text = reader.file(name, path, expected);
  if (text === undefined) return [];
  try {
    return parseKeyFile(nodeCrypto, text);
  } catch (error) {
    reader.add(name, `${path}: ${error instanceof Error ? error.message : error}`, expected);
    return [];
  }
}

/** A private key has no name: it is the one that the approvers' file gives it. */
function signerSetting(reader: SettingsReader, approvers: readonly DatedKey[]): Signer | null {
  const name = 'TIDEMARK_APPROVER_KEY';
  const expected = 'the PEM of your own Ed25519 private key, or a file of it';
  if (reader.text(name) === undefined) {
    reader.add(name, 'nothing', expected, 'tidemark keys generate --name <person> makes one.');
    return null;
  }
  const pem = reader.pem(name, expected);
  if (pem === undefined) return null;
  try {
    const raw = createPublicKey(pem).export({ format: 'der', type: 'spki' }).subarray(-32);
    const known = approvers.find(({ key }) => raw.equals(key.publicKey));
    if (known) return signerFromPem(known.key.name, pem);
    if (approvers.length > 0) reader.add(name, 'a key that is not in TIDEMARK_APPROVERS', 'one that is');
  } catch {
    reader.add(name, 'another kind of key (not shown)', expected);
  }
  return null;
}

const originRule: Rule<string> = {
  expected: 'the name of the archive, such as audit.example.com/prod',
  schema: z.string().regex(/^[^\s+]+$/),
};

function duration(expected: string): Rule<Duration> {
  const schema = z.string().transform((text, context): Duration => {
    try {
      return parseKeep(text);
    } catch {
      context.addIssue('not a duration');
      return z.NEVER;
    }
  });
  return { expected, schema };
}
