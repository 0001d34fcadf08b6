// What an auditor trusts: a policy (which log, which witnesses) and the normalizer's keys. Both are the auditor's own files,
// never the archive's.

import { nodeCrypto } from '../../core/edge/crypto.ts';
import { type DatedKey, parseKeyFile } from '../../core/proof/keys.ts';
import { type Policy, parsePolicy } from '../../core/proof/policy.ts';
import { AuditorError } from '../error.ts';

/** Null where a file was not given: events can be read, but nothing is proven of them. */
export interface Trust {
  readonly policy: Policy | null;
  readonly sealKeys: readonly DatedKey[] | null;
}

/** Parses the text of a policy file; throws AuditorError `no-policy`. */
export function parsePolicyFile(text: string, path: string): Policy {
  try {
    return parsePolicy(nodeCrypto, text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AuditorError(
      'no-policy',
      `${path} is no policy: ${why}; expected lines "log <verifier key>" and "quorum none" or a witness's name`,
      { cause },
    );
  }
}

/** Parses the text of a file of the normalizer's verifier keys; throws AuditorError `no-keys`. */
export function parseSealKeyFile(text: string, path: string): DatedKey[] {
  const keys = parsedKeys(text, path);
  if (keys.length === 0)
    throw new AuditorError('no-keys', `${path} holds no key: expected a line <origin>/normalizer+<id>+<base64>`);
  return keys;
}

function parsedKeys(text: string, path: string): DatedKey[] {
  try {
    return parseKeyFile(nodeCrypto, text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AuditorError('no-keys', `${path}: ${why}`, { cause });
  }
}

/** Parses the text of a file of log keys with their periods; throws AuditorError `no-keys`. */
export function parseLogKeyFile(text: string, path: string): DatedKey[] {
  return parsedKeys(text, path);
}
