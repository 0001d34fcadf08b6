// S3 is down while events go on coming: the archiver has to wait in bounded memory, and to go on as if nothing had been.

import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Archiver, ArchiveWorld } from './archive-world.ts';
import type { S3Proxy } from './s3-proxy.ts';

export interface Outage {
  /** MiB resident before, and at the most while it was down. */
  readonly before: number;
  readonly most: number;
  /** Bytes of events that were committed meanwhile. */
  readonly written: number;
}

/** Waits until the archiver writes, and takes S3 away for a while. Throws where the program ended. */
export async function takeAway(
  world: ArchiveWorld,
  proxy: S3Proxy,
  archiver: Archiver,
  { downMs, everyMs, say }: { downMs: number; everyMs: number; say(line: string): void },
): Promise<Outage> {
  for (const deadline = Date.now() + 120_000; (proxy.counts.get('checkpoint') ?? 0) < 2; await delay(100))
    if (Date.now() > deadline) throw new Error(`no period was sealed in two minutes:\n${archiver.output()}`);
  const [before, bytesBefore] = [residentOf(archiver.pid), world.bytes];
  let most = before;
  let isRunning = true;
  void archiver.exited.then(() => {
    isRunning = false;
  });
  await proxy.down();
  for (
    const end = Date.now() + downMs;
    Date.now() < end;
    await delay(Math.min(everyMs, Math.max(0, end - Date.now())))
  ) {
    if (!isRunning) throw new Error(`the archiver ended while S3 was down:\n${archiver.output()}`);
    const resident = residentOf(archiver.pid);
    most = Math.max(most, resident);
    const left = Math.round((end - Date.now()) / 1000);
    say(`down for ${left} s more: ${resident.toFixed(0)} MiB resident, ${mebi(world.bytes - bytesBefore)} MiB written`);
  }
  await proxy.up();
  return { before, most, written: world.bytes - bytesBefore };
}

const mebi = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

/** Memory of a process, MiB. */
function residentOf(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', `${pid}`], { encoding: 'utf8' })) / 1024;
}
