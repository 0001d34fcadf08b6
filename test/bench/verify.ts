// `verify` over an archive in a folder: on one core and on two, against checking one Ed25519 signature for each of as many events, and how its peak
// memory grows from one archive to one of four times the events. Each measurement is a process of its own, pinned to its cores
// where the system can.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bench, type BenchOptions, print } from './bench.ts';
import { formatVerdict, interleave, median, pairedRatios } from './statistics.ts';
import { type ArchiveSize, endOf, writeArchive } from './verify-archive.ts';
import type { Measured } from './verify-once.ts';

const once = fileURLToPath(new URL('verify-once.ts', import.meta.url));
/** Enough to know what one costs; as many as events would take minutes. */
const signatures = 10_000;
const hasTaskset = spawnSync('taskset', ['-c', '0', 'true']).status === 0;

const size = (events: number): ArchiveSize => ({
  events,
  periods: Math.ceil(events / 50_000),
  partitions: 24,
  run: 500,
  runs: 200,
  instances: 200,
  eventsEach: 2000,
});

function measure(cores: string, profiles: string | undefined, ...args: readonly string[]): Measured {
  const profile = profiles === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profiles];
  const node = [process.execPath, ...profile, once, ...args];
  const [command = '', ...rest] = hasTaskset ? ['taskset', '-c', cores, ...node] : node;
  const { status, stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`a measurement ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Measured;
}

const perSecond = ({ events, seconds }: Measured): number => events / seconds;

const formatLine = (name: string, all: readonly Measured[]): string => {
  const rate = Math.round(median(all.map(perSecond)));
  const cpu = median(all.map(({ cpu: used, events }) => (used / events) * 1_000_000));
  const peak = Math.round(median(all.map(one => one.peak)));
  return `${name.padEnd(34)} ${String(rate).padStart(8)}/s  ${cpu.toFixed(2).padStart(6)} µs of CPU each  peak ${peak} MiB`;
};

async function run({ events = 1_000_000, repetitions = 3, profiles }: BenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  try {
    const [small, large] = [size(events), size(4 * events)];
    writeArchive(join(folder, 'small'), small);
    const all = new Map<string, Measured[]>();
    const at = `${endOf(small)}`;
    const measured = (name: string, ...args: Parameters<typeof measure>) =>
      [
        name,
        async () => {
          const found = measure(...args);
          all.set(name, [...(all.get(name) ?? []), found]);
          return perSecond(found);
        },
      ] as const;
    const cases = new Map([
      measured('verify, one core', '0', profiles, 'verify', join(folder, 'small'), at),
      measured('verify, two cores, two threads', '0,1', profiles, 'verify', join(folder, 'small'), at, '2'),
      measured(
        'one signature an event, one core',
        '0',
        undefined,
        'signatures',
        join(folder, 'small'),
        `${signatures}`,
      ),
    ]);
    const rates = await interleave(cases, repetitions);
    for (const [name, found] of all) print(formatLine(name, found));
    const [one = [], two = [], signed = []] = [...rates.values()];
    print();
    print(formatVerdict('events/s of verify on one core, in 1000', median(one) / 1000, 200));
    print(formatVerdict('two cores to one', median(pairedRatios(two, one)), 1.8));
    print(formatVerdict('verify to one signature an event', median(pairedRatios(one, signed)), 20));

    writeArchive(join(folder, 'large'), large);
    const big = measure('0,1', undefined, 'verify', join(folder, 'large'), `${endOf(large)}`);
    const peak = median((all.get('verify, one core') ?? []).map(found => found.peak));
    print();
    print(formatLine(`verify, ${large.events} events`, [big]));
    print(`peak memory of ${large.events} events is ${(big.peak / peak).toFixed(2)} of that of ${small.events}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const bench: Bench = { name: 'verify', run };
