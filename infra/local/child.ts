// A child process that never outlives us: ended by stop, at our exit, and by the system when we die by SIGKILL.
// Each child leads a process group of its own, so that Ctrl-C reaches us first, and so that its own children end with it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { StackError } from './errors.ts';

export type Child = {
  readonly pid: number;
  /** Resolves, never rejects, when the process is gone. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  hasExited(): boolean;
  /** Signals the whole group and waits for the end; SIGKILL follows after `graceMs`. */
  end(signal: NodeJS.Signals, graceMs?: number): Promise<void>;
};

export type SpawnOptions = { logFile: string; cwd?: string; env?: NodeJS.ProcessEnv };

const running = new Set<number>();

process.on('exit', () => {
  for (const pid of running) signalGroup(pid, 'SIGKILL');
});

let found: boolean | undefined;

/** Whether the kernel can end a child with its parent. BusyBox has a setpriv that cannot: only a trial tells. */
function hasSetpriv(): boolean {
  found ??= spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0;
  return found;
}

/**
 * Runs a command, its output appended to the log. Where we are killed, a shell that waits for our end of a pipe to close kills its
 * group; on Linux the kernel kills the command itself too, also in the moment before that shell runs.
 */
export async function spawnGuarded(
  command: string,
  args: string[],
  options: SpawnOptions,
  withSetpriv = hasSetpriv(),
): Promise<Child> {
  const log = openSync(options.logFile, 'a');
  const argv = withSetpriv ? ['setpriv', '--pdeathsig', 'KILL', command, ...args] : [command, ...args];
  const child = spawn(argv[0] ?? command, argv.slice(1), {
    cwd: options.cwd,
    env: options.env ?? process.env,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const pid = await spawned(child, command);
  running.add(pid);
  const watchdog = startWatchdog(pid);
  let gone = false;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(resolve => {
    child.once('exit', (code, signal) => {
      gone = true;
      signalGroup(pid, 'SIGKILL'); // what the leader left behind in its group
      running.delete(pid);
      watchdog.kill('SIGKILL');
      resolve({ code, signal });
    });
  });
  return {
    pid,
    exited,
    hasExited: () => gone,
    end: async (signal, graceMs = 10_000) => {
      if (gone) return;
      signalGroup(pid, signal);
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

function spawned(child: ChildProcess, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', cause =>
      reject(new StackError('start-failed', `could not run ${command}: ${cause.message}`, { cause })),
    );
    child.once('spawn', () => resolve(child.pid ?? Number.NaN));
  });
}

function startWatchdog(pid: number): ChildProcess {
  const shell = spawn('/bin/sh', ['-c', 'read _; kill -s KILL -- "-$0"', String(pid)], {
    detached: true, // a Ctrl-C for our group must not end it before us
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  return shell;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}
