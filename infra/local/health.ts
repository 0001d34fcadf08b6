// Waiting for a server: until its own protocol answers, or its process ends, or the time is up; a failure shows the log's end.

import { readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from './child.ts';
import { StackError } from './errors.ts';

const LIMIT_MS = 120_000; // a loaded two-core machine needs ten times what an idle one does
const LOG_LINES = 15;

// As Go, Java and Quarkus have it.
const PORT_TAKEN = /address already in use|BindException|port \d+ seems to be in use/i;

export async function waitUntilHealthy(
  name: string,
  child: Child,
  logFile: string,
  check: () => Promise<unknown>,
): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  const newLog = await logFromHere(logFile);
  let last: unknown;
  while (Date.now() < deadline) {
    if (child.hasExited()) throw startFailure(name, 'ended while starting', await newLog());
    try {
      await check();
      if (!child.hasExited()) return;
    } catch (error) {
      last = error;
      // Some go on for a minute after they could not listen.
      if (PORT_TAKEN.test(await newLog())) await child.end('SIGKILL');
      await delay(50);
    }
  }
  const reason = last instanceof Error ? last.message : String(last);
  await child.end('SIGKILL');
  throw startFailure(name, `did not answer within ${LIMIT_MS / 1000} s (${reason})`, await newLog());
}

/** Reads what this start has said: a restarted server goes on in the log of the one before. */
async function logFromHere(logFile: string): Promise<() => Promise<string>> {
  const { size } = await stat(logFile);
  return async () => (await readFile(logFile)).subarray(size).toString();
}

/** The error for a server that did not start, with the log's end: the file itself is removed with the server's folder. */
export function startFailure(name: string, what: string, log: string): StackError {
  const tail = log.trimEnd().split('\n').slice(-LOG_LINES).join('\n');
  const code = PORT_TAKEN.test(log) ? 'port-taken' : 'start-failed';
  return new StackError(code, `${name} ${what}; the end of its log:\n${tail}`);
}
