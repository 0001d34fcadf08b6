/**
 * `npm run demo`: from a service's call to a proven archive, and what happens to someone who tampers with it. A file an
 * act; exit code 0 only if every step did what it should, the refused and the found attacks included.
 */
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseDuration, periodOf } from '../../core/proof/period.ts';
import { attack } from './attack.ts';
import { showContext, showRefusal } from './context.ts';
import { deployShop } from './deployment.ts';
import { DemoError } from './error.ts';
import { publishDeliveries } from './github.ts';
import { readEvents, showTree, verify } from './inspect.ts';
import { checkEmpty, keepCopy } from './keep.ts';
import { erasePerson } from './person.ts';
import { ARCHIVER, killPrograms, NORMALIZER, type Program, startProgram } from './programs.ts';
import { command, detail, failure, heading, pair, say } from './screen.ts';
import { rawEnds, watchSealing, whenPassed } from './seal.ts';
import { callShop } from './shop.ts';
import { PERIOD, prepareWorld, type World } from './world.ts';

const HELP = `usage: npm run demo [-- --keep DIR]

Runs a whole Tidemark on this machine: servers, producers, normalizer, archiver, auditor, and an attacker. Servers that
KAFKA_BROKERS, SCHEMA_REGISTRY_URL and S3_ENDPOINT name are used instead of starting some.

  --keep DIR  leave a copy of the archive, as it was before the attacks, in a new folder`;

async function main(): Promise<void> {
  const keep = readArguments();
  if (keep !== undefined) await checkEmpty(keep);
  const began = Date.now();
  const world = await prepareWorld();
  try {
    await play(world, keep);
  } catch (error) {
    failure(`${error instanceof Error ? error.message : error}\n  The programs' logs are in ${world.folder}`);
    process.exitCode = 1;
  } finally {
    await killPrograms();
    await world.stop();
  }
  if (!process.exitCode) farewell(world, keep, Math.round((Date.now() - began) / 1000));
}

async function play(world: World, keep: string | undefined): Promise<void> {
  heading('Consumers', 'The normalizer and the archiver, each a process that keeps no state but its output.');
  const [archiver, normalizer] = await Promise.all([startProgram(world, ARCHIVER), startProgram(world, NORMALIZER)]);
  const running = [archiver, normalizer];
  for (const { name, url } of running) pair(name, `${url}/metrics`);
  const published = await publishDeliveries(world);
  await deployShop(world);
  await whenPassed(world, normalizer);
  await nextPeriod();
  await callShop(world);
  heading(
    'Sealing',
    'The normalizer seals runs of events; each period becomes a batch, which the signed log commits to.',
  );
  const logged = await watchSealing(world, await rawEnds(world), running);
  say('every event that was published is in a batch of the log');
  await showContext(world);
  await showRefusal(world);
  await erasePerson(world);
  say();
  say('Each step of that is an event too, and is sealed like any other:');
  await watchSealing(world, await rawEnds(world), running, logged);
  await endConsumers(running);
  await showTree(world);
  await readEvents(world);
  heading('Verifying', 'Every byte, signature, link and lock, from the two public keys up.');
  await verify(world, 0);
  if (keep !== undefined) await keepCopy(world, keep, published);
  await attack(world);
}

/** The archiver first: were it to go on alone, it would say of each partition that it fell silent. */
async function endConsumers(running: readonly Program[]): Promise<void> {
  for (const program of running) await program.end();
  say('normalizer and archiver have stopped: from now on nothing but the bucket speaks');
}

/** Evidence of two periods makes two batches, and a link between them. */
async function nextPeriod(): Promise<void> {
  const duration = parseDuration(PERIOD);
  const left = periodOf(duration, Date.now()) + duration.ms - Date.now();
  detail(`the next period begins in ${Math.ceil(left / 1000)} s`);
  await delay(left);
}

function readArguments(): string | undefined {
  try {
    const options = { keep: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
    const { values } = parseArgs({ options });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    // npm runs scripts in the project's folder and tells where it was called.
    return values.keep === undefined ? undefined : resolve(process.env.INIT_CWD ?? '.', values.keep);
  } catch (cause) {
    throw new DemoError('bad-argument', `${cause instanceof Error ? cause.message : cause}\n\n${HELP}`, { cause });
  }
}

function farewell(world: World, keep: string | undefined, seconds: number): void {
  const bucket = world.isFleeting
    ? 'the bucket is gone with them'
    : `the bucket ${world.bucket} stays until its locks end`;
  heading('Done', `${seconds} s; all that was started has stopped, and ${bucket}.`);
  say('To look further:');
  if (keep === undefined) command('npm run demo -- --keep ../archive   # the same, and leaves a copy of the archive');
  else {
    command(
      `npx tidemark verify ${keep}/objects/demo --policy ${keep}/policy --normalizer-keys ${keep}/normalizer.vkey`,
    );
    command(
      `npx tidemark check-receipt ${keep}/receipts/code.push.tlog-proof --policy ${keep}/policy --normalizer-keys ${keep}/normalizer.vkey`,
    );
  }
  command('npm run stack                       # the servers alone, to run your own programs against');
  command('npx tidemark --help');
}

// Ctrl-C at any moment: the servers and programs are in groups of their own and end with this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

try {
  await main();
} catch (error) {
  failure(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof DemoError && error.code === 'bad-argument' ? 2 : 1;
}
