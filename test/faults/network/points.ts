// `npm run faults:points`: the archiver killed, or cut off, at each of its external writes in each way, and two archivers racing at each.
// Every archive has to be whole in the end. Some ten minutes; ends with 1 where one is not.

import { startStack } from '../../../infra/local/stack.ts';
import { ArchiveWorld, type StackEnv } from './archive-world.ts';
import { matrixPoints, modes, runMatrix } from './kill-matrix.ts';
import { racePoints, runRaces } from './race-matrix.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

async function inWorld(stack: StackEnv, what: string, run: (world: ArchiveWorld) => Promise<void>): Promise<boolean> {
  const started = Date.now();
  const world = await ArchiveWorld.open(stack);
  try {
    world.keepWriting();
    await run(world);
    const problems = await world.problems();
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    say(`${what}: ${problems.length === 0 ? 'whole' : 'BROKEN'}, ${world.events} events, ${seconds} s`);
    for (const problem of problems) say(`  ${problem}`);
    return problems.length === 0;
  } catch (error) {
    say(`${what}: ${error instanceof Error ? error.message : error}`);
    return false;
  } finally {
    await world.close();
  }
}

const isShort = process.argv.includes('--fresh-groups');
const stack = await startStack({ progress: say });
let isWhole = true;
try {
  for (const mode of modes) {
    const cases = matrixPoints.map(point => ({ point, mode }));
    const options = { freshGroups: isShort, say };
    isWhole = (await inWorld(stack.env, `at each write, ${mode}`, w => runMatrix(w, cases, options))) && isWhole;
  }
  isWhole = (await inWorld(stack.env, 'races', world => runRaces(world, racePoints, say))) && isWhole;
} finally {
  await stack.stop();
}
process.exitCode = isWhole ? 0 : 1;
