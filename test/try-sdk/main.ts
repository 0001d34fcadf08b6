/**
 * `npm run try:sdk`: the SDK as its users meet it. In empty projects, from `npm init` to the event in a verified archive, by README's
 * own snippets, with each web framework on each Node; and how long each step takes. Frameworks are those that npm brings today: their
 * next major is met here first. Exit code 0 only if every step did what it should.
 */
import { parseArgs } from 'node:util';
import { ARCHIVER, killPrograms, NORMALIZER, startProgram } from '../../infra/demo/programs.ts';
import { check, failure, heading, pair, say } from '../../infra/demo/screen.ts';
import { PERIOD, prepareWorld, type World } from '../../infra/demo/world.ts';
import { findNode, type Major, majors } from './nodes.ts';
import { packSdk } from './pack.ts';
import { type Row, timesTable } from './times.ts';
import { type Framework, frameworks, tryFramework } from './try-framework.ts';

const HELP = `usage: npm run try:sdk [-- --only FRAMEWORK/NODE]

Servers that KAFKA_BROKERS, SCHEMA_REGISTRY_URL and S3_ENDPOINT name are used instead of starting some.

  --only FRAMEWORK/NODE  such as fastify/22; may be given several times`;

interface Choice {
  readonly framework: Framework;
  readonly major: Major;
}

const choices: readonly Choice[] = frameworks.flatMap(framework => majors.map(major => ({ framework, major })));
const nameOf = ({ framework, major }: Choice): string => `${framework.toLowerCase()}/${major}`;

function readArguments(): readonly Choice[] {
  try {
    const options = { only: { type: 'string', multiple: true }, help: { type: 'boolean', short: 'h' } } as const;
    const { only, help } = parseArgs({ options }).values;
    if (help) {
      console.log(HELP);
      process.exit(0);
    }
    const unknown = only?.filter(name => !choices.some(choice => nameOf(choice) === name)) ?? [];
    if (unknown.length > 0)
      throw new Error(`--only is ${unknown.join(', ')}, expected one of ${choices.map(nameOf).join(', ')}`);
    return choices.filter(choice => only?.includes(nameOf(choice)) ?? true);
  } catch (error) {
    failure(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}

async function tryAll(world: World, chosen: readonly Choice[]): Promise<void> {
  heading('What is tried', 'The consumers, the SDK as a file that npm installs, and each Node.');
  const [tarball] = await Promise.all([
    packSdk(world.folder),
    startProgram(world, ARCHIVER),
    startProgram(world, NORMALIZER),
  ]);
  const nodes = new Map<Major, string>();
  for (const major of new Set(chosen.map(choice => choice.major))) {
    const { path, version } = await findNode(major, world.folder);
    nodes.set(major, path);
    pair(`Node ${major}`, version);
  }
  heading(
    'The five minutes',
    "Empty projects: npm init, npm install, README's snippet, a request, and its event in a verified archive.",
  );
  const rows: Row[] = [];
  for (const { framework, major } of chosen) {
    const row = await tryFramework(world, { framework, major, node: nodes.get(major) ?? '', tarball });
    check(true, `${row.what}: the event is proven, the archive intact`, '');
    rows.push(row);
  }
  heading(
    'Times',
    `Seconds. The period is ${PERIOD} here, in production an hour: the archive commits to an event behind its period's end.`,
  );
  for (const line of timesTable(rows)) say(line);
}

async function main(): Promise<void> {
  const chosen = readArguments();
  const world = await prepareWorld();
  try {
    await tryAll(world, chosen);
  } catch (error) {
    failure(
      `${error instanceof Error ? error.message : error}\n  What was tried, and the programs' logs, are in ${world.folder}`,
    );
    process.exitCode = 1;
  } finally {
    await killPrograms();
    await world.stop();
  }
}

// Ctrl-C at any moment: the servers and programs are in groups of their own and end with this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

try {
  await main();
} catch (error) {
  failure(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
// A step that failed leaves its service running: that ends with us.
process.exit();
