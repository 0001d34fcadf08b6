// Free ports on the loopback address, and another try where one was taken in between.
// They lie below the ephemeral range (Linux: from 32768): there, a client that reconnects to a stopped broker could be given the
// broker's own port as its source, connect to itself and keep the broker from coming back.

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { StackError } from './errors.ts';

const LOWEST = 20_000;
const HIGHEST = 32_000;
const STARTS = 4;

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries++) {
    if (tries > 1000) throw new StackError('start-failed', `found no ${count} free ports from ${LOWEST} to ${HIGHEST}`);
    const port = randomInt(LOWEST, HIGHEST);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

/** Calls `start` with free ports, and again with others where it fails with `port-taken`. */
export async function onFreePorts<T>(count: number, start: (ports: number[]) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await start(await freePorts(count));
    } catch (error) {
      if (tries < STARTS && error instanceof StackError && error.code === 'port-taken') continue;
      throw error;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
