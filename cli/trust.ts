// The auditor's own files, by which everything is judged.

import { readFileSync } from 'node:fs';
import { AuditorError, type AuditorErrorCode } from '../auditor/error.ts';
import { parsePolicyFile, parseSealKeyFile, type Trust } from '../auditor/read/index.ts';
import type { ReceiptTrust } from '../core/proof/receipt.ts';

export const policyHelp = 'policy file (C2SP tlog-policy): lines "log <verifier key>", witnesses, "quorum <name>|none"';
export const keysHelp = "file of the normalizer's verifier keys, a line each";

/** The text of one of the auditor's files; throws AuditorError with this code. */
export function readOwnFile(path: string, what: string, code: AuditorErrorCode): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const text = why === 'ENOENT' ? `there is no file ${path}` : `${path} can't be read (${why})`;
    throw new AuditorError(code, `${text}: give the ${what}`, { cause });
  }
}

/** What of both was given. */
export function trustFrom(options: { policy?: string; normalizerKeys?: string }): Trust {
  const { policy, normalizerKeys } = options;
  return {
    policy: policy === undefined ? null : parsePolicyFile(readOwnFile(policy, 'policy file', 'no-policy'), policy),
    sealKeys:
      normalizerKeys === undefined
        ? null
        : parseSealKeyFile(readOwnFile(normalizerKeys, "file of the normalizer's keys", 'no-keys'), normalizerKeys),
  };
}

/** Both, which are demanded. */
export function wholeTrustFrom(options: { policy: string; normalizerKeys: string }): ReceiptTrust {
  const { policy, sealKeys } = trustFrom(options);
  if (!policy || !sealKeys) throw new AuditorError('no-policy', 'give --policy and --normalizer-keys');
  return { policy, sealKeys };
}
