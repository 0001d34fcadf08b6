// What a normalizer and an archiver of 24 idle partitions take of a core.

import { setTimeout as delay } from 'node:timers/promises';
import { type Bench, type BenchOptions, print } from './bench.ts';
import { startPipeline } from './pipeline.ts';
import { cpuSeconds } from './program.ts';
import { variants } from './settings.ts';
import { median } from './statistics.ts';

const partitions = 24;
const settleMs = 5000;
const spanMs = 5000;
const promisedPercent = 2;

async function run({ repetitions = 4, profiles }: BenchOptions): Promise<void> {
  const pipeline = await startPipeline({ partitions, parts: variants['all on'], profiles });
  try {
    const { normalizer, archiver } = pipeline;
    await delay(settleMs);
    const shares = { normalizer: [] as number[], archiver: [] as number[] };
    for (let n = 0; n < repetitions; n++) {
      const before = [cpuSeconds(normalizer.pid), cpuSeconds(archiver.pid)] as const;
      const began = performance.now();
      await delay(spanMs);
      const seconds = (performance.now() - began) / 1000;
      shares.normalizer.push(((cpuSeconds(normalizer.pid) - before[0]) / seconds) * 100);
      shares.archiver.push(((cpuSeconds(archiver.pid) - before[1]) / seconds) * 100);
    }
    print(`${partitions} idle partitions, ${repetitions} spans of ${spanMs / 1000} s\n`);
    for (const [name, own] of Object.entries(shares)) {
      const [least, most] = [Math.min(...own), Math.max(...own)].map(share => share.toFixed(1));
      const verdict = median(own) < promisedPercent ? 'kept' : 'NOT KEPT';
      print(
        `${name.padEnd(10)} ${median(own).toFixed(1)} % of a core (${least} to ${most}), promised under ${promisedPercent}: ${verdict}`,
      );
    }
  } finally {
    await pipeline.close();
  }
}

export const bench: Bench = { name: 'idle', run };
