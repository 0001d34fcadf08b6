// A download happens once: into a folder of its own, which gets its final name only when it is complete. So a folder that has the
// name is whole, whatever was killed on the way. The lock only spares a second process the same download (and keeps two package
// clients off one cache): if it were ever broken, the loser of the rename takes the winner's folder.

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { spawnGuarded } from '../child.ts';
import { StackError } from '../errors.ts';
import { isAlive, stackFolder } from '../folders.ts';

export type Package = {
  /** Name and version: the folder's name. */
  name: string;
  title: string;
  client: 'maven' | 'pip' | 'go';
  fill: (folder: string) => Promise<void>;
};

export type Progress = (line: string) => void;

export function isFetched(wanted: Package): boolean {
  return existsSync(join(stackFolder(), wanted.name));
}

/** The folder of the package, downloaded first where it is not there yet. */
export async function fetchOnce(wanted: Package, progress: Progress): Promise<string> {
  const folder = join(stackFolder(), wanted.name);
  if (existsSync(folder)) return folder;
  await mkdir(stackFolder(), { recursive: true });
  const release = await takeLock(join(stackFolder(), `${wanted.client}.lock`), holder =>
    progress(`${wanted.title}: waiting for process ${holder}, which is fetching`),
  );
  try {
    if (existsSync(folder)) return folder;
    await sweepPartial();
    const started = Date.now();
    progress(`fetching ${wanted.title}`);
    const partial = join(stackFolder(), `partial-${process.pid}-${wanted.name}-${randomUUID()}`);
    try {
      await mkdir(partial);
      await wanted.fill(partial);
      await rename(partial, folder).catch(error => {
        if (!existsSync(folder)) throw error;
      });
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    progress(`fetched ${wanted.title} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    return folder;
  } finally {
    await release();
  }
}

async function takeLock(file: string, onWait: (holder: number) => void): Promise<() => Promise<void>> {
  for (let waited = false; ; ) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      return () => rm(file, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    // 0: between its creation and its pid, or gone this moment. Our own pid: another download of ours, or a reused pid.
    if (holder > 0 && !isAlive(holder)) {
      await rm(file, { force: true });
      continue;
    }
    if (!waited && holder > 0 && holder !== process.pid) {
      onWait(holder);
      waited = true;
    }
    await delay(100);
  }
}

async function sweepPartial(): Promise<void> {
  for (const entry of await readdir(stackFolder())) {
    const owner = Number(/^partial-(\d+)-/.exec(entry)?.[1] ?? process.pid);
    if (!isAlive(owner)) await rm(join(stackFolder(), entry), { recursive: true, force: true });
  }
}

/** Runs a package's client, twice if need be (networks fail); an error shows the end of what it said. */
export async function runClient(
  command: string,
  args: string[],
  folder: string,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const logFile = join(folder, 'fetch.log');
  for (let tries = 1; ; tries++) {
    const child = await spawnGuarded(command, args, { logFile, cwd: folder, env: { ...process.env, ...env } });
    const { code } = await child.exited;
    if (code === 0) break;
    if (tries === 2) {
      const said = (await readFile(logFile, 'utf8')).trim().split('\n').slice(-20).join('\n');
      throw new StackError('fetch-failed', `${command} ${args.join(' ')} failed with ${code}:\n${said}`);
    }
  }
  await rm(logFile);
}
