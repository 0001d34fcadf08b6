// `npm run faults:points`: the archiver killed, cut off or hung at each of its external writes in each way, and two archivers racing at each.
// Every archive has to be whole in the end; ends with 1 where one is not. Some ten minutes; four with `--fresh-groups`, where no archiver
// waits for the session of a killed one to end, and `--only full` or such runs a part.

import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { tileWidth } from '../../../core/proof/log.ts';
import { startStack } from '../../../infra/local/stack.ts';
import { ArchiveWorld, type StackEnv } from './archive-world.ts';
import type { FaultPoint } from './fault-points.ts';
import { matrixPoints, modes, runMatrix } from './kill-matrix.ts';
import { racePoints, runRaces } from './race-matrix.ts';

const { values } = parseArgs({
  options: { 'fresh-groups': { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});
const say = (line: string) => process.stdout.write(`${line}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

async function inWorld(stack: StackEnv, what: string, run: (world: ArchiveWorld) => Promise<void>): Promise<boolean> {
  if (!what.includes(values.only)) return true;
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

/** A log whose first tiles are full, so that their locks have to be extended too. */
async function outgrowTile(world: ArchiveWorld): Promise<void> {
  const proxy = await world.proxy();
  await world.beginAgo(tileWidth + 5);
  const archiver = world.startArchiver(proxy);
  for (
    const deadline = Date.now() + 300_000;
    (proxy.counts.get('sized-checkpoint') ?? 0) <= tileWidth;
    await delay(200)
  )
    if (Date.now() > deadline) throw new Error(`the log did not reach ${tileWidth} entries:\n${archiver.output()}`);
  await archiver.end();
}

const isShort = values['fresh-groups'];
const stack = await startStack({ progress: say });
let isWhole = true;
try {
  for (const mode of modes) {
    const options = { freshGroups: isShort, say };
    // Who goes on while one hangs at the archive's first write makes the first checkpoint, too: that is hung at in another archive.
    const worlds: (readonly FaultPoint[])[] =
      mode === 'hung' ? [['archive'], matrixPoints.filter(point => point !== 'archive')] : [matrixPoints];
    for (const points of worlds) {
      const cases = points.map(point => ({ point, mode }));
      isWhole = (await inWorld(stack.env, `at each write, ${mode}`, w => runMatrix(w, cases, options))) && isWhole;
    }
  }
  const inFullTile = async (world: ArchiveWorld): Promise<void> => {
    await outgrowTile(world);
    const cases = (['tile', 'entries', 'lock-tile'] as const).flatMap(point => modes.map(mode => ({ point, mode })));
    await runMatrix(world, cases, { freshGroups: isShort, say });
  };
  isWhole = (await inWorld(stack.env, 'behind a full tile', inFullTile)) && isWhole;
  isWhole = (await inWorld(stack.env, 'races', world => runRaces(world, racePoints, say))) && isWhole;
} finally {
  await stack.stop();
}
process.exitCode = isWhole ? 0 : 1;
