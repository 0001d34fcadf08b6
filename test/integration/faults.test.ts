// The fault runs' short form: a whole Tidemark under faults at random keeps its promises, and the same checker fails three builds that are
// broken on purpose, each of which lacks one of the layers by which a record is sealed and archived once: a checker that could not fail would say
// nothing of what passes. The long form is `npm run faults` (docs/faults.md).

import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { brokenBuilds } from '../faults/broken/damage.ts';
import { formatReport } from '../faults/report.ts';
import { isWell, type RunOptions, type RunResult, runFaults } from '../faults/run.ts';
import { stackEnv } from '../stack.ts';

const common = { seed: 1, partitions: 3, periodSeconds: 5, segmentSeconds: 3, only: [] };

async function run(options: Omit<RunOptions, 'progress'>): Promise<{ result: RunResult; said: string }> {
  const said: string[] = [];
  const result = await runFaults({ ...options, progress: line => void said.push(line) });
  rmSync(result.folder, { recursive: true, force: true });
  return { result, said: `${said.join('\n')}\n${formatReport(result)}` };
}

test.concurrent('under faults at random nothing is lost, doubled or falsely reported', async () => {
  // A broker of its own, which it may kill.
  const { KAFKA_BROKERS: _, ...given } = stackEnv();
  const { result, said } = await run({
    ...common,
    partitions: 6,
    // Two of them may pass between the end of the normalizers and that of the archivers, without a partition's silence being told.
    periodSeconds: 10,
    forMs: 15_000,
    atOnce: 3,
    pauseMs: [500, 1500],
    drainMs: 90_000,
    load: { steady: 2, rate: 60 },
    instances: { normalizers: 2, archivers: 2 },
    only: ['kill', 'hang', 'registry', 'schema'],
    given,
  });
  expect(isWell(result), said).toBe(true);
  expect(result.comparison.acknowledged, said).toBeGreaterThan(500);
}, 240_000);

test.concurrent.each(brokenBuilds)(
  'a build with $name is found out',
  async build => {
    const { result, said } = await run({
      ...common,
      forMs: 14_000,
      atOnce: 1,
      pauseMs: [2000, 2000],
      drainMs: 5000,
      load: { steady: 1, rate: 150 },
      instances: build,
      preload: [build.preload],
      faults: scene => [build.fault(scene)],
      given: stackEnv(),
    });
    expect(new Set(result.comparison.problems.map(({ kind }) => kind)), said).toContain(build.expected);
  },
  240_000,
);
