// Where the stack keeps things: downloads by name and version, to stay; and a folder per started server, to go.
// A run's folder begins with the pid of the process that owns it, so that whatever a killed owner left is swept by the next.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The stack's folder: `TIDEMARK_STACK_DIR`, or `.tidemark` in the repository, which Git ignores. */
export function stackFolder(): string {
  const chosen = process.env.TIDEMARK_STACK_DIR;
  return chosen ? resolve(chosen) : fileURLToPath(new URL('../../.tidemark', import.meta.url));
}

const owned = new Set<string>();

process.on('exit', () => {
  for (const folder of owned) removeNow(folder);
});

/**
 * A fresh folder for one server's data and log; removed by `removeRunFolder`, at this process's exit, or by a later sweep.
 * `elsewhere` are files that the server makes outside it, to be removed with it.
 */
export async function createRunFolder(name: string, elsewhere: string[] = []): Promise<string> {
  const runs = join(stackFolder(), 'run');
  mkdirSync(runs, { recursive: true });
  sweepRunFolders();
  const folder = await mkdtemp(join(runs, `${process.pid}-${name}-`));
  owned.add(folder);
  await writeFile(join(folder, ELSEWHERE), elsewhere.join('\n'));
  return folder;
}

export function removeRunFolder(folder: string): void {
  removeNow(folder);
  owned.delete(folder);
}

const ELSEWHERE = 'elsewhere';

function removeNow(folder: string): void {
  const list = join(folder, ELSEWHERE);
  const elsewhere = existsSync(list) ? readFileSync(list, 'utf8').split('\n').filter(Boolean) : [];
  for (const path of elsewhere) rmSync(path, { force: true });
  // A server that is being killed may write once more: then a folder is not empty after all.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Removes what owners left that were killed. */
export function sweepRunFolders(): void {
  const runs = join(stackFolder(), 'run');
  for (const entry of readdirSync(runs)) {
    const owner = Number.parseInt(entry, 10);
    if (Number.isInteger(owner) && !isAlive(owner)) removeNow(join(runs, entry));
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
