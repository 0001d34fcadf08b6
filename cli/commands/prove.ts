import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { openStore } from '../../auditor/open.ts';
import { proveEvent } from '../../auditor/prove/index.ts';
import { print, say, warn } from '../output.ts';
import { keysHelp, policyHelp, wholeTrustFrom } from '../trust.ts';

type Options = { event: string; policy: string; normalizerKeys: string; out?: string };

const examples = `
The receipt is a C2SP tlog-proof file. It proves the event by itself, also when the archive is gone; it contains the whole
event. It is checked before it is written. An existing file is not overwritten.

Examples:
  $ tidemark prove s3://audit/prod --event 019b8d1c-3b1e-7a52-9c1f-4d2f6a0b7e11 --policy policy \\
      --normalizer-keys normalizer.vkey --out event.tlog-proof
  $ tidemark check-receipt event.tlog-proof --policy policy --normalizer-keys normalizer.vkey`;

export function addProve(program: Command): void {
  program
    .command('prove')
    .summary('write a receipt that proves one event offline')
    .description('Writes a receipt for one event, against the largest checkpoint that the policy accepts.')
    .argument('<location>', 's3://bucket/prefix or a folder')
    .requiredOption('--event <id>', "the event's id")
    .requiredOption('--policy <file>', policyHelp)
    .requiredOption('--normalizer-keys <file>', keysHelp)
    .option('--out <file>', 'where to write it; standard output by default')
    .addHelpText('after', examples)
    .action(prove);
}

async function prove(location: string, options: Options): Promise<void> {
  const trust = wholeTrustFrom(options);
  const store = openStore(location, process.env);
  try {
    const receipt = await proveEvent(store, options.event, trust);
    if (options.out === undefined) return await print(Buffer.from(receipt).toString());
    writeNew(options.out, receipt);
    say(`wrote ${options.out}: tidemark check-receipt shows what it proves`);
  } catch (error) {
    if (!(error instanceof AuditorError) || error.code !== 'not-provable') throw error;
    warn(error.message);
    process.exitCode = 1;
  }
}

function writeNew(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes, { flag: 'wx' });
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    const why = isThere ? 'it exists already: give another name' : String(cause);
    throw new AuditorError('bad-argument', `${path} can't be written: ${why}`, { cause });
  }
}
