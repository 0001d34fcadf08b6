// The golden archive, its trust, and copies of it to be altered.

import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parsePolicyFile, parseSealKeyFile } from '../../../auditor/read/index.ts';
import type { ReceiptTrust } from '../../../core/proof/receipt.ts';
import { temporaryFolder } from '../../temporary.ts';

export const goldenFolder: string = fileURLToPath(new URL('../../golden', import.meta.url));

export function goldenPath(...parts: readonly string[]): string {
  return join(goldenFolder, ...parts);
}

export function goldenTrust(): ReceiptTrust {
  return {
    policy: parsePolicyFile(readFileSync(goldenPath('policy'), 'utf8'), 'policy'),
    sealKeys: parseSealKeyFile(readFileSync(goldenPath('normalizer.vkey'), 'utf8'), 'normalizer.vkey'),
  };
}

/** A copy of the archive; the path is that of its `archive.json`'s folder. */
export function goldenCopy(): string {
  const folder = join(temporaryFolder(), 'archive');
  cpSync(goldenPath('objects', 'prod'), folder, { recursive: true });
  return folder;
}
