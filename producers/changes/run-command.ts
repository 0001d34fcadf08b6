/** A command that runs in our place: its input and output are ours, its end is told. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ChangeError } from './error.ts';

export interface CommandEnd {
  /** As a shell says it: 128 and the signal's number where a signal ended it. */
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | null;
  readonly durationMs: number;
}

/** What a terminal or a runner ends a job with; the command is to end by it, and we after it. */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs it to its end. Throws ChangeError `no-command` where it can't be started. */
export async function runCommand(command: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandEnd> {
  const [program = '', ...args] = command;
  const began = performance.now();
  const child = spawn(program, args, { stdio: 'inherit', env });
  const passOn = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of PASSED_ON) process.on(signal, passOn);
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (...end) => resolve(end));
    });
    const exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
    return { exitCode, signal, durationMs: Math.round(performance.now() - began) };
  } catch (cause) {
    const found = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new ChangeError('no-command', `${program} can't be started (${found}): is it installed and on the PATH?`, {
      cause,
    });
  } finally {
    for (const signal of PASSED_ON) process.off(signal, passOn);
  }
}
