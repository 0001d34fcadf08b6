// A command of a project, run to its end.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Answers what it printed; throws with what it said where it fails. */
export async function runIn(
  folder: string,
  env: NodeJS.ProcessEnv,
  command: string,
  ...args: string[]
): Promise<string> {
  try {
    return (await execute(command, args, { cwd: folder, env })).stdout;
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? `\n${error.stderr}` : '';
    throw new Error(`${command} ${args.join(' ')} failed${said}`, { cause: error });
  }
}
