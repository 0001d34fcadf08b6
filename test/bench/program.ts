// A program under measurement, in a process of its own: its log in a file, its CPU profile where one is wanted. It ends with us, however
// we end.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Child, spawnGuarded } from '../../infra/local/child.ts';

export interface Program {
  readonly pid: number;
  /** All that it has said. */
  log(): string;
  /** Throws, with the end of its log, where it has ended by itself. */
  checkRuns(): void;
  /** By SIGTERM, so that a profile is written. */
  end(): Promise<void>;
}

export interface ProgramOptions {
  readonly name: string;
  /** Folder of its log. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Folder of its CPU profile; undefined: none. */
  readonly profiles?: string | undefined;
}

/** Linux counts processor time in hundredths of a second. */
const ticksPerSecond = 100;

/** Processor time that a process has taken, seconds, all its threads together; NaN where the system does not tell. */
export function cpuSeconds(pid: number): number {
  try {
    // The name, in brackets, may hold spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}

/** Memory of a process that is not swapped out, MiB; NaN where the system does not tell. */
export function residentMiB(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

let count = 0;

/** Starts a file of this project (`path` from its root) with Node. */
export function startNode(path: string, args: readonly string[], options: ProgramOptions): Promise<Program> {
  const main = fileURLToPath(new URL(`../../${path}`, import.meta.url));
  const { profiles, name } = options;
  const profile =
    profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${name}.cpuprofile`];
  return startCommand(process.execPath, [...flagsOf(path), ...profile, main, ...args], options);
}

/** Node's flags for a file, as `npm run` gives them. */
function flagsOf(path: string): string[] {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const command = Object.values(scripts).find(one => one.endsWith(` ${path}`)) ?? '';
  return command.split(' ').filter(word => /^--(?:max|no)-/.test(word));
}

export async function startCommand(command: string, args: string[], options: ProgramOptions): Promise<Program> {
  const { name, folder, env = {} } = options;
  count += 1;
  const logFile = join(folder, `${name.replaceAll(/\W/g, '-')}-${count}.log`);
  const child = await spawnGuarded(command, args, {
    logFile,
    env: { PATH: process.env.PATH ?? '', ...env },
  });
  const log = () => readFileSync(logFile, 'utf8');
  return { pid: child.pid, log, checkRuns: () => checkRuns(child, name, log), end: () => child.end('SIGTERM') };
}

function checkRuns(child: Child, name: string, log: () => string): void {
  if (child.hasExited()) throw new Error(`${name} has ended:\n${log().split('\n').slice(-15).join('\n')}`);
}

const patienceMs = 120_000;

/** Waits until a normalizer or an archiver has recovered so many partitions. */
export async function untilRecovered(program: Program, partitions: number): Promise<void> {
  const wanted = /"msg":"partition recovered"/g;
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await delay(100)) {
    program.checkRuns();
    if ((program.log().match(wanted)?.length ?? 0) >= partitions) return;
  }
  throw new Error(
    `not within ${patienceMs / 1000} s: ${partitions} partitions recovered\n${program.log().slice(-2000)}`,
  );
}
