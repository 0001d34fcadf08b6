// Where the stack keeps things: downloads by name and version, to stay; and a folder per started server, to go.
// A run's folder begins with the pid of the process that owns it, so that whatever a killed owner left is swept by the next.

import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The stack's folder: `TIDEMARK_STACK_DIR`, or `.tidemark` in the repository, which Git ignores. */
export function stackFolder(): string {
  const chosen = process.env.TIDEMARK_STACK_DIR;
  return chosen ? resolve(chosen) : fileURLToPath(new URL('../../.tidemark', import.meta.url));
}

const owned = new Set<string>();

process.on('exit', () => {
  for (const folder of owned) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A fresh folder for one server's data and log; removed by `removeRunFolder`, at this process's exit, or by a later sweep. */
export async function createRunFolder(name: string): Promise<string> {
  const runs = join(stackFolder(), 'run');
  await mkdir(runs, { recursive: true });
  await sweepRunFolders(runs);
  const folder = await mkdtemp(join(runs, `${process.pid}-${name}-`));
  owned.add(folder);
  return folder;
}

export async function removeRunFolder(folder: string): Promise<void> {
  // A process that was killed this instant may still hold files open: Linux does not mind, other systems need a retry.
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  owned.delete(folder);
}

async function sweepRunFolders(runs: string): Promise<void> {
  for (const entry of await readdir(runs)) {
    const owner = Number.parseInt(entry, 10);
    if (Number.isInteger(owner) && !isAlive(owner)) await rm(join(runs, entry), { recursive: true, force: true });
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
