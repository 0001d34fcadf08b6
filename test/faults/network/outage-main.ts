// `npm run faults:outage -- --minutes 10`: S3 is down for so long under load; prints the archiver's memory. Ends with 1 where the archive is
// not whole afterwards, or the program did not live through it.

import { parseArgs } from 'node:util';
import { startStack } from '../../../infra/local/stack.ts';
import { ArchiveWorld } from './archive-world.ts';
import { takeAway } from './outage.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
const say = (line: string) => process.stdout.write(`${line}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const stack = await startStack({ progress: say });
const world = await ArchiveWorld.open(stack.env, { period: 'PT10S' });
try {
  world.keepWriting(250, 1500);
  const proxy = await world.proxy();
  const archiver = world.startArchiver(proxy);
  const plan = { downMs: Number(values.minutes) * 60_000, everyMs: 10_000, say };
  const { before, most, written } = await takeAway(world, proxy, archiver, plan);
  say(
    `${before.toFixed(0)} MiB before, ${most.toFixed(0)} at the most, while ${(written / 2 ** 20).toFixed(0)} MiB came`,
  );
  const problems = await world.problems(300_000);
  say(problems.length === 0 ? 'whole' : `BROKEN\n  ${problems.join('\n  ')}\n${archiver.output()}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await world.close();
  await stack.stop();
}
