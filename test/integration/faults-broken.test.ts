// The checker of the fault runs fails three builds that are broken on purpose: each loses one of the layers by which a record is sealed and
// archived once. A checker that could not fail would say nothing of the builds that pass.

import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { brokenBuilds } from '../faults/broken/damage.ts';
import { runFaults } from '../faults/run.ts';
import { stackEnv } from '../stack.ts';

test.concurrent.each(brokenBuilds)(
  'a build with $name is found out',
  async build => {
    const said: string[] = [];
    const result = await runFaults({
      seed: 1,
      forMs: 14_000,
      atOnce: 1,
      pauseMs: [2000, 2000],
      drainMs: 5000,
      partitions: 3,
      periodSeconds: 5,
      segmentSeconds: 3,
      load: { steady: 1, rate: 150 },
      instances: build,
      only: [],
      preload: [build.preload],
      faults: scene => [build.fault(scene)],
      given: stackEnv(),
      progress: line => void said.push(line),
    });
    try {
      const kinds = new Set(result.comparison.problems.map(({ kind }) => kind));
      expect(kinds, said.join('\n')).toContain(build.expected);
    } finally {
      rmSync(result.folder, { recursive: true, force: true });
    }
  },
  180_000,
);
