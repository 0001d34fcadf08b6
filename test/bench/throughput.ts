// The way of records through the pipeline, in records a second, against what the platform allows: the bare transactional copy with
// kafkajs, and with Kafka Streams. Every case reads the same filled topic of one partition and writes to a fresh one, in a process of
// its own, alone; cases are interleaved, and a rate is taken from the broker's own time stamps, so that starting does not count.

import { randomUUID } from 'node:crypto';
import { type Bench, type BenchOptions, print } from './bench.ts';
import { type Filled, fillShape } from './filled.ts';
import { cpuSeconds, type Program, startNode } from './program.ts';
import { createWorld, serverVariables, variants, type World } from './settings.ts';
import { shapes } from './shapes.ts';
import { formatVerdict, median, pairedRatios } from './statistics.ts';
import { startStreams, streamsVersion } from './streams.ts';
import { openTopics, type Rates, ratesOf, type Topics } from './topics.ts';

const warmUpShare = 0.4;

interface Stage {
  readonly topics: Topics;
  readonly world: World;
  readonly profiles: string | undefined;
}

type Start = (stage: Stage, from: string, to: string) => Promise<Program>;

const starts: ReadonlyMap<string, Start> = new Map<string, Start>([
  [
    'copy',
    ({ world: { folder }, profiles }, from, to) =>
      startNode('test/bench/copy-program.ts', [from, to], { name: 'copy', folder, profiles, env: serverVariables() }),
  ],
  ['streams', ({ world: { folder } }, from, to) => startStreams(from, to, { name: 'streams', folder })],
  ...Object.entries(variants).map(([name, parts]): [string, Start] => [
    name,
    ({ world, profiles }, from, to) =>
      startNode('consumers/normalizer/main.ts', [], {
        name: `normalizer ${name}`,
        folder: world.folder,
        profiles,
        env: world.normalizer(from, to, parts),
      }),
  ]),
]);

interface Figures extends Rates {
  /** Processor time of the program for a record, start included, µs: less noisy than rates where others use the machine. */
  readonly cpu: number;
}

async function measure(stage: Stage, name: string, { topic, count }: Filled): Promise<Figures> {
  const { topics } = stage;
  const to = `events-${randomUUID().slice(0, 8)}`;
  await topics.create(to);
  const program = await starts.get(name)?.(stage, topic, to);
  if (!program) throw new Error(`no case "${name}", expected one of ${[...starts.keys()].join(', ')}`);
  try {
    const rates = await ratesOf(topics.kafka, to, count, Math.floor(count * warmUpShare), program.checkRuns);
    return { ...rates, cpu: (cpuSeconds(program.pid) * 1e6) / count };
  } finally {
    await program.end();
    await topics.remove(to);
  }
}

async function runShape(stage: Stage, filled: Filled, names: readonly string[], repetitions: number): Promise<void> {
  const { shape, count, bytes } = filled;
  print(`${shape.about}: ${count} records of ${Math.round(bytes)} bytes, ${repetitions} repetitions\n`);
  const figures = new Map<string, Figures[]>(names.map(name => [name, []]));
  for (let n = 0; n < repetitions; n++) {
    for (const [name, own] of figures) own.push(await measure(stage, name, filled));
  }
  tell(figures);
  if (names.includes('all on') && names.includes('all off')) await tellTwo(stage, filled, figures.get('all off') ?? []);
}

/** What the machine has for *all on*, if it were spread over threads without a loss: two instances, each with a topic of its own. */
async function tellTwo(stage: Stage, filled: Filled, off: readonly Figures[]): Promise<void> {
  const two = await Promise.all([measure(stage, 'all on', filled), measure(stage, 'all on', filled)]);
  const sum = two.reduce((total, { warm }) => total + warm, 0);
  const ratio = sum / median(off.map(one => one.warm));
  print(
    `two instances of all on at once: ${perSecond(sum).trim()}/s together, ${ratio.toFixed(2)} of one with all off\n`,
  );
}

const perSecond = (value: number): string => Math.round(value).toLocaleString('en').padStart(8);

function tell(figures: ReadonlyMap<string, readonly Figures[]>): void {
  const warm = (name: string) => (figures.get(name) ?? []).map(one => one.warm);
  const ratio = (of: string, to: string) => median(pairedRatios(warm(of), warm(to)));
  print(`${' '.repeat(12)} warm/s, least to most          cold/s  CPU µs   of copy  of streams`);
  for (const [name, own] of figures) {
    const rates = warm(name);
    const spread = `${perSecond(median(rates))} (${perSecond(Math.min(...rates))} to ${perSecond(Math.max(...rates))})`;
    const cold = perSecond(median(own.map(one => one.cold)));
    const cpu = median(own.map(one => one.cpu)).toFixed(1);
    const ratios = ['copy', 'streams'].map(to => ratio(name, to).toFixed(2).padStart(8)).join('  ');
    print(`${name.padEnd(12)}${spread} ${cold}  ${cpu.padStart(6)}  ${ratios}`);
  }
  print();
  for (const [of, to, least] of promises) {
    if (figures.has(of) && figures.has(to)) print(formatVerdict(`${of}, of ${to},`, ratio(of, to), least));
  }
  print();
}

const promises = [
  ['checked', 'copy', 0.7],
  ['checked', 'streams', 1],
  ['all on', 'copy', 0.55],
  ['all on', 'streams', 0.8],
  ['all on', 'all off', 0.6],
] as const;

/** What the promises are about; the other variants tell which part costs what, and are measured for the main shape alone. */
const mainCases = ['copy', 'streams', 'all off', 'checked', 'all on'];

async function run({ repetitions = 3, events = 80_000, cases, profiles }: BenchOptions): Promise<void> {
  const topics = await openTopics();
  const world = await createWorld();
  try {
    print(`Kafka Streams ${streamsVersion}; warm: behind the first ${warmUpShare * 100} % of the records\n`);
    const [main, heavy] = shapes;
    const stage = { topics, world, profiles };
    const all = cases.length > 0 ? cases : [...starts.keys()];
    await runShape(stage, await fillShape(topics, main, events), all, repetitions);
    if (profiles !== undefined) return;
    const chosen = cases.length > 0 ? cases : mainCases;
    await runShape(stage, await fillShape(topics, heavy, events), chosen, Math.ceil(repetitions / 3));
  } finally {
    await topics.close();
    world.close();
  }
}

export const bench: Bench = { name: 'throughput', run };
