// How many people that were never seen before one partition takes in: each needs a key that is made, wrapped and stored before the first
// event of theirs can be sealed, so the store of keys is what is measured here, and how well waiting for it is used.

import { randomUUID } from 'node:crypto';
import { type Bench, type BenchOptions, print } from './bench.ts';
import { fillShape } from './filled.ts';
import { cpuSeconds, startNode } from './program.ts';
import { createWorld, variants } from './settings.ts';
import { type Shape, shapes } from './shapes.ts';
import { formatVerdict } from './statistics.ts';
import { openTopics, ratesOf } from './topics.ts';

/** New people a minute: what the project promises. */
const promised = 10_000;
const secondsInMinute = 60;

/** Events of persons who each do one thing. */
const strangers: Shape = {
  name: 'strangers',
  about: 'an event of each person, 13 personal fields',
  eventOf: n => {
    const event = shapes[1].eventOf(n);
    const actor = event.actor && { ...event.actor, kind: 'human' as const, id: `u-${n}-new` };
    return { ...event, actor, targets: event.targets.map(target => ({ ...target, person: false })) };
  },
};

async function run({ events: count = 3000 }: BenchOptions): Promise<void> {
  const topics = await openTopics();
  const world = await createWorld();
  try {
    const filled = await fillShape(topics, strangers, count);
    const events = `events-${randomUUID().slice(0, 8)}`;
    await topics.create(events);
    const env = world.normalizer(filled.topic, events, variants['all on']);
    const program = await startNode('consumers/normalizer/main.ts', [], {
      name: 'normalizer',
      folder: world.folder,
      env,
    });
    const { warm } = await ratesOf(topics.kafka, events, count, Math.floor(count * 0.3), program.checkRuns);
    const cpu = cpuSeconds(program.pid);
    await program.end();
    const people = warm * secondsInMinute;
    print(`${strangers.about}: ${count} persons, one partition, one normalizer`);
    print(`${Math.round(people)} new people a minute; ${((cpu * 1000) / count).toFixed(2)} ms of its CPU for each`);
    print(`\n${formatVerdict('new people, of the 10,000 a minute promised,', people / promised, 1)}\n`);
  } finally {
    await topics.close();
    world.close();
  }
}

export const bench: Bench = { name: 'people', run };
