import { availableParallelism } from 'node:os';
import { SingleBar } from 'cli-progress';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { openStore } from '../../auditor/open.ts';
import { parseLogKeyFile } from '../../auditor/read/index.ts';
import {
  exitCodeOf,
  formatVerdict,
  type VerifyOptions,
  verdictJson,
  verifyArchive,
} from '../../auditor/verify/index.ts';
import { nodeDecompress } from '../../core/edge/compression.ts';
import { nodeCrypto } from '../../core/edge/crypto.ts';
import { durationArgument, timeArgument } from '../arguments.ts';
import { print } from '../output.ts';
import { keysHelp, policyHelp, readOwnFile, wholeTrustFrom } from '../trust.ts';

type Options = {
  policy: string;
  normalizerKeys: string;
  logKeys?: string;
  from?: number;
  to?: number;
  at?: number;
  minRetention?: number;
  lockMode?: 'governance' | 'compliance';
  workers?: number;
  json?: boolean;
};

const examples = `
The first line is the verdict with its counts; then what could not be checked, each finding with its object, partition, raw
offsets and events, and each report. A finding: evidence was altered, is missing, or can't be shown complete. A report: what an
auditor should know and that breaks nothing. A folder has no versions and locks, so those are not checked there.

Exit codes: 0 no finding, 1 findings, 2 something could not be checked.

Examples:
  $ tidemark verify s3://audit/prod --policy policy --normalizer-keys normalizer.vkey --min-retention P400D
  $ tidemark verify ./copy --policy policy --normalizer-keys normalizer.vkey --at 2026-01-05T14:30:00Z --json`;

export function addVerify(program: Command): void {
  program
    .command('verify')
    .summary('check that nothing was altered, removed, hidden or cut off')
    .description('Checks all that the archive format promises, and says each finding with what it concerns.')
    .argument('<location>', 's3://bucket/prefix or a folder')
    .requiredOption('--policy <file>', policyHelp)
    .requiredOption('--normalizer-keys <file>', keysHelp)
    .option('--log-keys <file>', 'periods that log keys are valid for: lines <vkey> [<first period> [<last period>]]')
    .option('--from <time>', 'open only segments of batches from this time on', timeArgument('--from'))
    .option('--to <time>', 'open only segments of batches before this time', timeArgument('--to'))
    .option('--at <time>', 'verify as of this time; now by default', timeArgument('--at'))
    .option(
      '--min-retention <duration>',
      'the shortest retention that was promised, such as P400D or P7Y',
      durationArgument,
    )
    .addOption(
      new Option('--lock-mode <mode>', 'the least firm lock to take; one in GOVERNANCE mode can be lifted by some')
        .choices(['compliance', 'governance'])
        .default('compliance'),
    )
    .option(
      '--workers <number>',
      'threads that open segments; by default one a core, at most 4. What is found does not depend on it',
      workersArgument,
    )
    .option('--json', 'the verdict as JSON')
    .addHelpText('after', examples)
    .action(verify);
}

function workersArgument(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= 64) return count;
  throw new InvalidArgumentError('expected a whole number from 1 to 64');
}

async function verify(location: string, options: Options): Promise<void> {
  const trust = wholeTrustFrom(options);
  const { logKeys } = options;
  const bar = progressBar();
  const settings: VerifyOptions = {
    ...trust,
    logKeys: logKeys === undefined ? null : parseLogKeyFile(readOwnFile(logKeys, 'log keys', 'no-keys'), logKeys),
    at: options.at ?? Date.now(),
    from: options.from ?? null,
    to: options.to ?? null,
    minRetention: options.minRetention ?? null,
    lockMode: options.lockMode === 'governance' ? 'GOVERNANCE' : 'COMPLIANCE',
    crypto: nodeCrypto,
    decompress: nodeDecompress,
    workers: options.workers ?? Math.min(availableParallelism(), 4),
    onProgress: bar.update,
  };
  try {
    const verdict = await verifyArchive(openStore(location, process.env), settings);
    bar.stop();
    await print(options.json ? verdictJson(verdict) : formatVerdict(verdict));
    process.exitCode = exitCodeOf(verdict);
  } finally {
    bar.stop();
  }
}

/** On a terminal only, and on standard error: the verdict stays clean. */
function progressBar(): { update: (done: number, total: number, period: string) => void; stop: () => void } {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const format = 'verifying [{bar}] {value}/{total} batches, {period}, {eta_formatted} left';
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true, hideCursor: true });
  return {
    update: (done, total, period) => {
      if (!bar.isActive) bar.start(total, 0, { period });
      bar.update(done, { period });
    },
    stop: () => bar.stop(),
  };
}
