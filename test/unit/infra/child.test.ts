// That nothing we start outlives us, whichever way we go.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isRunning } from '../../processes.ts';

let folder: string;
let owner: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-child-'));
});

afterEach(() => {
  owner?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const hasSetpriv = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0;

/** A process that started `sh`, which started `sleep`; resolves with the pids of both. */
async function startOwner(withSetpriv: boolean, then: string): Promise<number[]> {
  const script = join(folder, 'owner.ts');
  writeFileSync(
    script,
    `import { readFileSync } from 'node:fs';
     import { spawnGuarded } from ${JSON.stringify(import.meta.resolve('../../../infra/local/child.ts'))};
     const child = await spawnGuarded('/bin/sh', ['-c', 'sleep 600 & echo $!; wait'], { logFile: '${folder}/log' }, ${withSetpriv});
     // What comes then may end both: not before the grandchild is known.
     while (!readFileSync('${folder}/log', 'utf8').includes('\\n')) await new Promise(resolve => setTimeout(resolve, 10));
     console.log(child.pid);
     ${then}`,
  );
  owner = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (!owner.stdout) throw new Error('no output to read');
  for await (const line of createInterface(owner.stdout)) {
    return [Number(line), Number.parseInt(readFileSync(join(folder, 'log'), 'utf8'), 10)];
  }
  throw new Error('the owner said nothing');
}

async function expectGone(pids: number[]): Promise<void> {
  await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), { timeout: 4000, interval: 10 });
}

describe.each(hasSetpriv ? [true, false] : [false])('with setpriv: %s', withSetpriv => {
  test('a child and its own children end when the parent is killed by SIGKILL', async () => {
    const pids = await startOwner(withSetpriv, 'setInterval(() => {}, 1000);');
    expect(pids.filter(isRunning)).toEqual(pids);
    owner?.kill('SIGKILL');
    await expectGone(pids);
  });

  test('they end when the parent throws', async () => {
    await expectGone(await startOwner(withSetpriv, 'process.on("uncaughtException", () => process.exit(1)); throw 1;'));
  });

  test('they end when they are told to', async () => {
    await expectGone(await startOwner(withSetpriv, 'await child.end("SIGTERM"); setInterval(() => {}, 1000);'));
  });
});
