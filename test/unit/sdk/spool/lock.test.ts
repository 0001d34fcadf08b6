// One process at a time has a directory, and a killed one never keeps it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { tryLock } from '../../../../producers/sdk/spool/lock.ts';
import { temporaryFolder } from '../../../temporary.ts';

const program = new URL('lock-holder.ts', import.meta.url).pathname;

/** Starts a process that wants the directory; resolves when it has said whether it has it. */
async function start(directory: string): Promise<{ child: ChildProcess; has: boolean }> {
  const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said] = await once(child.stdout, 'data');
  return { child, has: String(said) === 'has\n' };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('another process has it until it is killed, also where it is stopped', async () => {
  const directory = temporaryFolder();
  const { child, has } = await start(directory);
  expect(has).toBe(true);
  expect(await tryLock(directory)).toBeNull();
  child.kill('SIGSTOP');
  expect(await tryLock(directory)).toBeNull();
  await kill(child);
  const lock = await tryLock(directory);
  expect(lock).not.toBeNull();
  expect((await start(directory)).has).toBe(false);
  await lock?.release();
  expect(readdirSync(directory)).toEqual([]);
});

test('of many that want it at once at most one has it, and one of those that come after each other', async () => {
  const directory = temporaryFolder();
  const all = await Promise.all(Array.from({ length: 6 }, () => start(directory)));
  const owners = all.filter(({ has }) => has);
  expect(owners.length).toBeLessThanOrEqual(1);
  for (const { child } of owners) await kill(child);
  for (let n = 0; n < 3; n++) {
    const next = await start(directory);
    expect(next.has).toBe(true);
    await kill(next.child);
  }
});

test('in one process too: many rounds of many at once', async () => {
  const directory = temporaryFolder();
  for (let round = 0; round < 50; round++) {
    const locks = await Promise.all(Array.from({ length: 5 }, () => tryLock(directory)));
    const had = locks.filter(lock => lock !== null);
    expect(had.length).toBeLessThanOrEqual(1);
    await Promise.all(had.map(lock => lock.release()));
  }
  expect(readdirSync(directory)).toEqual([]);
});
