// What `tidemark verify` says of the run's archive, run as an auditor would run it, and which of it is not true: the checker's own ledgers
// know what happened.

import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readLedger } from './ledger.ts';
import { prefix, type World } from './world.ts';

interface Observation {
  readonly code: string;
  readonly message: string;
  readonly producer?: { readonly instance: string };
}

export interface Verdict {
  readonly verdict: string;
  readonly findings: readonly Observation[];
  readonly reports: readonly Observation[];
  readonly unchecked: readonly string[];
  readonly counts: { readonly events: number; readonly segments: number; readonly batches: number };
}

export async function verify({ env, bucket, trust }: World): Promise<Verdict> {
  const cli = new URL('../../cli/main.ts', import.meta.url).pathname;
  const keys = ['--policy', trust.policy, '--normalizer-keys', trust.normalizerKeys];
  const args = [cli, 'verify', `s3://${bucket}/${prefix}`, ...keys, '--min-retention', 'PT2H', '--json'];
  const options = { env: { ...env }, maxBuffer: 1 << 28 };
  // It exits with 1 where it has findings: those are in what it prints.
  const { stdout } = await promisify(execFile)(process.execPath, args, options).catch(error => {
    if (typeof error?.stdout === 'string' && error.stdout.startsWith('{')) return error as { stdout: string };
    throw error;
  });
  return JSON.parse(stdout) as Verdict;
}

/** Always lawful; of a killed producer also that its end is not known; `more`: what the faults of this run give cause for. */
const lawful = new Set(['late', 'doubled', 'abandoned']);
const ofTheKilled = new Set(['open', 'unclosed']);

/** What the verdict says that it should not, a line each. */
export function falseFindings(verdict: Verdict, folder: string, more: ReadonlySet<string>): string[] {
  const ledgers = readdirSync(join(folder, 'ledgers')).map(name => readLedger(join(folder, 'ledgers', name), name));
  const killed = new Set(ledgers.filter(({ ended }) => !ended).flatMap(({ instances }) => instances));
  const isLawful = ({ code, producer }: Observation): boolean =>
    lawful.has(code) || more.has(code) || (ofTheKilled.has(code) && killed.has(producer?.instance ?? ''));
  return [
    ...verdict.findings.map(({ code, message }) => `finding ${code}: ${message}`),
    ...verdict.unchecked.map(text => `not checked: ${text}`),
    ...verdict.reports.filter(report => !isLawful(report)).map(({ code, message }) => `report ${code}: ${message}`),
  ];
}
