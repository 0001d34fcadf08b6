/**
 * That a directory has one owner, among all processes and containers of a kernel, and none once that one is dead.
 *
 * An owner listens on a Unix socket in the directory, which the kernel closes with its process, however that ends. (A process
 * id in a file would not do: in another container the number is somebody else's, or nobody's.) Who wants to own it listens
 * first, at a name that was never used before, shows itself by renaming the socket to `lock-…`, and then asks all others that
 * are shown: one that answers is an owner, or may become one, so the later one withdraws. Of any two, the one that is shown
 * later finds the other, so never do both go on. What doesn't answer is dead for ever, and is removed.
 */
import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';

/** What a socket's path may have on every system, less the name in the directory. */
export const MAX_DIRECTORY_BYTES = 80;

export interface Lock {
  release(): Promise<void>;
}

/** Null where another one has it, or wants it at the same moment. */
export async function tryLock(directory: string): Promise<Lock | null> {
  const name = randomBytes(6).toString('hex');
  const shown = `lock-${name}`;
  const server = await listen(join(directory, `new-${name}`));
  const release = async (): Promise<void> => {
    await rm(join(directory, shown), { force: true });
    await new Promise(resolve => server.close(resolve));
  };
  try {
    await rename(join(directory, `new-${name}`), join(directory, shown));
    for (const other of await readdir(directory)) {
      if (!other.startsWith('lock-') || other === shown) continue;
      if (await isAlive(join(directory, other))) {
        await release();
        return null;
      }
      await rm(join(directory, other), { force: true });
    }
    return { release };
  } catch (error) {
    await release().catch(() => undefined);
    throw error;
  }
}

async function listen(path: string): Promise<Server> {
  const server = createServer(socket => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Exclusive: in a worker of `node:cluster` it is the worker's own, not the primary's, which would outlive it.
    server.listen({ path, exclusive: true }, resolve);
  });
  // It keeps nobody alive.
  return server.unref();
}

/** One that is stopped, or has no room for a caller, is alive too: dead is only what the kernel says is closed. */
function isAlive(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path);
    const answer = (alive: boolean) => (): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', answer(true));
    socket.once('error', (error: NodeJS.ErrnoException) => answer(!/^(ECONNREFUSED|ENOENT)$/.test(error.code ?? ''))());
  });
}
