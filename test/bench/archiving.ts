// The archiver against a consumer that only reads the events topic and writes the same bytes to S3, and against the normalizer that has
// made them. Both read one topic of one partition from its beginning, each alone in a process of its own; a rate is taken between the
// first and the last object that were full, by the times at which the programs say that they were written.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bench, type BenchOptions, print } from './bench.ts';
import { fillShape } from './filled.ts';
import { cpuSeconds, type Program, startNode } from './program.ts';
import { createWorld, serverVariables, variants, type World } from './settings.ts';
import { shapes } from './shapes.ts';
import { formatVerdict, median, pairedRatios } from './statistics.ts';
import { openTopics, ratesOf, type Topics } from './topics.ts';

const objectBytes = 8 << 20;
/** Objects that are not counted: what compilers have yet to learn. */
const warmUps = 3;

interface Sealed {
  readonly raw: string;
  readonly events: string;
  /** Events a second of the normalizer that made them. */
  readonly rate: number;
}

/** A line of a program for each object that it has written: when, and how many events were written by then. */
type Written = readonly { readonly time: number; readonly events: number }[];

/** What the real normalizer makes of a filled topic, with all that it does. */
async function seal(topics: Topics, world: World, count: number): Promise<Sealed> {
  const filled = await fillShape(topics, shapes[0], count);
  const events = `events-${randomUUID().slice(0, 8)}`;
  await topics.create(events);
  const env = world.normalizer(filled.topic, events, variants['all on']);
  const program = await startNode('consumers/normalizer/main.ts', [], {
    name: 'normalizer',
    folder: world.folder,
    env,
  });
  const { warm } = await ratesOf(topics.kafka, events, count, Math.floor(count * 0.4), program.checkRuns);
  await program.end();
  return { raw: filled.topic, events, rate: warm };
}

const parseLines = (log: string): Record<string, unknown>[] =>
  log
    .split('\n')
    .filter(line => line.startsWith('{') && line.endsWith('}'))
    .map(line => JSON.parse(line));

function writtenByWriter(log: string): Written {
  let events = 0;
  return parseLines(log).map(line => {
    events += Number(line.events);
    return { time: Date.parse(String(line.time)), events };
  });
}

/** A segment's key ends in its first raw offset: what was written before it is below. */
function writtenByArchiver(log: string): Written {
  const lines = parseLines(log).filter(({ msg }) => msg === 'segment written');
  const firsts = lines.map(({ key }) => Number(/-(\d+)\.avro$/.exec(String(key))?.[1]));
  return lines.slice(0, -1).map(({ time }, at) => ({ time: Date.parse(String(time)), events: firsts[at + 1] ?? 0 }));
}

/** Waits until a program writes no more; its rate, and its processor time for an event, µs. */
async function rateOf(program: Program, written: (log: string) => Written, count: number) {
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; await delay(200)) {
    program.checkRuns();
    const objects = written(program.log());
    const last = objects.at(-1);
    const before = objects.at(-2);
    // Behind the last one that is counted are one more, perhaps, and one that will not be full.
    if (!last || !before || count - last.events > 2.2 * (last.events - before.events)) continue;
    const cpu = (cpuSeconds(program.pid) * 1e6) / last.events;
    const first = objects[warmUps - 1];
    if (!first || first === last) throw new Error(`${objects.length} objects are too few for a rate`);
    return { rate: ((last.events - first.events) * 1000) / (last.time - first.time), cpu };
  }
  throw new Error(`not all was written within two minutes:\n${program.log().slice(-2000)}`);
}

async function run({ repetitions = 3, events = 200_000, profiles, cases }: BenchOptions): Promise<void> {
  const topics = await openTopics();
  const world = await createWorld();
  const { folder } = world;
  try {
    const sealed = await seal(topics, world, events);
    print(
      `${shapes[0].about}: ${events} events, all of the normalizer on, objects of ${objectBytes >> 20} MiB, ${repetitions} repetitions\n`,
    );
    const starts: Record<string, (prefix: string) => Promise<{ rate: number; cpu: number }>> = {
      's3-writer': async prefix => {
        const args = [sealed.events, world.bucket, prefix, `${objectBytes}`];
        const options = { name: 's3-writer', folder, profiles, env: serverVariables() };
        const program = await startNode('test/bench/s3-writer-program.ts', args, options);
        return rateOf(program, writtenByWriter, events).finally(program.end);
      },
      archiver: async prefix => {
        const env = {
          ...world.archiver(sealed.raw, sealed.events),
          S3_PREFIX: prefix,
          TIDEMARK_GROUP: prefix,
          TIDEMARK_SEGMENT_BYTES: `${objectBytes}`,
        };
        const program = await startNode('consumers/archiver/main.ts', [], { name: 'archiver', folder, profiles, env });
        return rateOf(program, writtenByArchiver, events).finally(program.end);
      },
    };
    const figures = new Map<string, { rate: number; cpu: number }[]>();
    for (let n = 0; n < repetitions; n++) {
      for (const [name, start] of Object.entries(starts)) {
        if (cases.length > 0 && !cases.includes(name)) continue;
        const own = figures.get(name) ?? [];
        figures.set(name, own);
        own.push(await start(`${name}-${randomUUID().slice(0, 8)}`));
      }
    }
    tell(figures, sealed.rate);
  } finally {
    await topics.close();
    world.close();
  }
}

const perSecond = (value: number): string => Math.round(value).toLocaleString('en').padStart(8);

function tell(figures: ReadonlyMap<string, readonly { rate: number; cpu: number }[]>, normalizer: number): void {
  print('             events/s, least to most           CPU µs');
  for (const [name, own] of figures) {
    const rates = own.map(({ rate }) => rate);
    const spread = `${perSecond(median(rates))} (${perSecond(Math.min(...rates))} to ${perSecond(Math.max(...rates))})`;
    print(
      `${name.padEnd(11)} ${spread}  ${median(own.map(({ cpu }) => cpu))
        .toFixed(1)
        .padStart(6)}`,
    );
  }
  print(`normalizer  ${perSecond(normalizer)} (once, all on)\n`);
  const of = (name: string) => (figures.get(name) ?? []).map(({ rate }) => rate);
  const [writer, archiver] = [of('s3-writer'), of('archiver')];
  if (archiver.length === 0) return;
  if (writer.length > 0)
    print(formatVerdict('archiver, of the bare writer,', median(pairedRatios(archiver, writer)), 0.8));
  print(formatVerdict('archiver, of the normalizer,', median(archiver) / normalizer, 2.5));
}

export const bench: Bench = { name: 'archiver', run };
