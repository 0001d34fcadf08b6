// Waiting for a server: until its own protocol answers, or its process ends, or the time is up; a failure shows the log's end.

import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from './child.ts';
import { StackError } from './errors.ts';

const LIMIT_MS = 120_000; // a loaded two-core machine needs ten times what an idle one does
const LOG_LINES = 15;

export async function waitUntilHealthy(
  name: string,
  child: Child,
  logFile: string,
  check: () => Promise<unknown>,
): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  let last: unknown;
  while (Date.now() < deadline) {
    if (child.hasExited()) throw await startFailure(name, 'ended while starting', logFile);
    try {
      await check();
      if (!child.hasExited()) return;
    } catch (error) {
      last = error;
      await delay(50);
    }
  }
  const reason = last instanceof Error ? last.message : String(last);
  await child.end('SIGKILL');
  throw await startFailure(name, `did not answer within ${LIMIT_MS / 1000} s (${reason})`, logFile);
}

async function startFailure(name: string, what: string, logFile: string): Promise<StackError> {
  const log = await readFile(logFile, 'utf8').catch(() => '');
  const code = /address already in use|BindException|port \d+ (is )?(already )?in use/i.test(log)
    ? 'port-taken'
    : 'start-failed';
  const tail = log.trimEnd().split('\n').slice(-LOG_LINES).join('\n');
  return new StackError(code, `${name} ${what}; the end of its log:\n${tail}`);
}
