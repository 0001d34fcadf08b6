// Each external write of archiver and sealer, on real processes: killed or cut off there, and two at once there. The whole matrix, each
// write in each way, is `npm run faults:points`; here each write meets one way of its own.

import { afterEach, expect, test, vi } from 'vitest';
import { ArchiveWorld } from '../faults/network/archive-world.ts';
import { faultPoints } from '../faults/network/fault-points.ts';
import { matrixPoints, modes, runMatrix } from '../faults/network/kill-matrix.ts';
import { racePoints, runRaces } from '../faults/network/race-matrix.ts';
import { stackEnv } from '../stack.ts';

vi.setConfig({ testTimeout: 300_000 }); // each step has a limit of its own

const worlds: ArchiveWorld[] = [];

afterEach(async () => {
  await Promise.all(worlds.splice(0).map(world => world.close()));
});

async function openWorld(): Promise<ArchiveWorld> {
  const world = await ArchiveWorld.open(stackEnv());
  worlds.push(world);
  world.keepWriting();
  return world;
}

test('killed or cut off at each write in turn, the archive is whole', async () => {
  const world = await openWorld();
  const cases = matrixPoints.map((point, index) => ({ point, mode: modes[index % modes.length] ?? 'before' }));
  await runMatrix(world, cases, { freshGroups: true, say: () => {} });
  expect(await world.problems()).toEqual([]);
});

test('two archivers at once at each write leave one archive, and nothing twice', async () => {
  const world = await openWorld();
  await runRaces(
    world,
    racePoints.filter(point => !point.startsWith('lock-')),
    () => {},
  );
  expect(await world.problems()).toEqual([]);
});

test('no write is left out: full tiles alone come too late for a test', () => {
  expect(faultPoints.filter(point => !matrixPoints.includes(point))).toEqual(['lock-tile']);
});
