// Runs the real command as a child process.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const repository: string = fileURLToPath(new URL('../../..', import.meta.url));
export const launcher: string = fileURLToPath(new URL('../../../cli/tidemark.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Ends standard output after so many characters, as `head` does. */
  readonly closeAfter?: number;
}

/** `tidemark <args>`, by the Node that runs the tests, from the golden archive's folder. */
export function tidemark(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run(process.execPath, [launcher, ...args], options);
}

/** Any command. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const cwd = options.cwd ?? fileURLToPath(new URL('../../golden', import.meta.url));
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (options.closeAfter !== undefined && stdout.length >= options.closeAfter) child.stdout.destroy();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => resolve({ code, stdout, stderr }));
  });
}
