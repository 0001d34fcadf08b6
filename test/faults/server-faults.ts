// What happens to the servers, and what their operators do to them: the registry is away, committed offsets are
// deleted, the events topic is made anew, partitions are added, a service of another version comes.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin } from 'kafkajs';
import { createTopics } from '../../infra/local/topics.ts';
import { readTopic } from './checker-topic.ts';
import type { Fault } from './fault.ts';
import type { Fleet } from './fleet.ts';
import type { Monitor } from './monitor.ts';
import { troubled } from './network/s3-answers.ts';
import { forward } from './network/s3-proxy.ts';
import { type Programs, wait } from './process-faults.ts';
import type { World } from './world.ts';

export interface Scene extends Programs {
  readonly world: World;
  readonly monitor: Monitor;
}

export function serverFaults(scene: Scene): Fault[] {
  const { normalizers, archivers } = scene;
  return [
    registryAway(scene),
    bucketTroubled(scene),
    bucketAway(scene),
    deleteOffsets(scene, normalizers),
    deleteOffsets(scene, archivers),
    makeEventsAnew(scene),
    makeRawAnew(scene),
    addPartitions(scene),
    otherVersion(scene, 'wider'),
    otherVersion(scene, 'narrower'),
  ];
}

function registryAway({ world }: Scene): Fault {
  return {
    name: 'registry-away',
    touches: ['registry'],
    inject: async (random, signal) => {
      world.registry.shut(random.pick(['refuse', 'hang']));
      await wait(random, [5000, 40_000], signal);
      world.registry.open();
    },
  };
}

/** Of the requests of all programs many are answered with an error, late, not at all, or not heard though they were done. */
function bucketTroubled({ world }: Scene): Fault {
  return {
    name: 'bucket-troubled',
    touches: ['s3'],
    inject: async (random, signal) => {
      world.s3.rule = troubled(random, random.between(10, 60));
      await wait(random, [4000, 20_000], signal);
      world.s3.rule = () => forward;
    },
  };
}

function bucketAway({ world }: Scene): Fault {
  return {
    name: 'bucket-away',
    touches: ['s3'],
    inject: async (random, signal) => {
      await world.s3.down();
      await wait(random, [3000, 30_000], signal);
      await world.s3.up();
    },
  };
}

/** Kafka deletes those of an empty group alone: all its members leave before. */
function deleteOffsets({ world }: Scene, fleet: Fleet): Fault {
  return {
    name: `delete-offsets-${fleet.role}`,
    touches: [fleet.role, 'kafka'],
    inject: async () => {
      const count = fleet.members.length;
      await fleet.scale(0);
      await withAdmin(world, admin => insisting(() => deleteGroup(admin, world.groups[fleet.role])));
      await fleet.scale(count);
    },
  };
}

async function deleteGroup(admin: Admin, group: string): Promise<void> {
  const { groups } = await admin.listGroups();
  if (groups.some(({ groupId }) => groupId === group)) await admin.deleteGroups([group]);
}

/** The topic is gone, with all that was in it; the archive stays. The programs are stopped for it, as they have to be. */
function makeEventsAnew({ world, monitor, normalizers, archivers }: Scene): Fault {
  return {
    name: 'events-topic-anew',
    touches: ['everything'],
    inject: async () => {
      const start = await stopAll([normalizers, archivers]);
      await withAdmin(world, admin => makeAnew(world, admin, world.topics.events));
      monitor.eventsAnew();
      await start();
    },
  };
}

/** As docs/operating.md has it: once all is sealed and nobody sends, with a generation that is one higher. */
function makeRawAnew({ world, monitor, normalizers, archivers, services }: Scene): Fault {
  return {
    name: 'raw-topic-anew',
    touches: ['everything'],
    inject: async () => {
      await services.stop();
      if (!(await monitor.recovered(AbortSignal.timeout(180_000))))
        throw new Error(
          `not all was sealed and archived in 3 minutes: ${await monitor.behind(AbortSignal.timeout(5000))}`,
        );
      // The archivers come last: what is neither in the raw topic any more nor in the archive yet is in the events topic alone.
      const start = [await stopAll([normalizers])];
      await monitor.recovered(AbortSignal.timeout(3000));
      if (!(await monitor.archived(AbortSignal.timeout(60_000))))
        throw new Error('not all was archived within a minute');
      start.push(await stopAll([archivers]));
      // For the checker: the topic can't tell any more what it held. Heartbeats may have come behind the last seal.
      const places: string[] = [];
      const { generation } = monitor;
      await readTopic(world.brokers.split(','), world.topics.raw, (partition, { offset }) => {
        if (BigInt(offset) < monitor.sealedTo(partition)) places.push(`${generation}/${partition}/${offset}`);
      });
      writeFileSync(join(world.folder, `raw-${generation}`), `${places.join('\n')}\n`);
      await withAdmin(world, admin => makeAnew(world, admin, world.topics.raw));
      monitor.rawAnew();
      for (const fleet of [normalizers, archivers]) fleet.configure({ TIDEMARK_GENERATION: `${monitor.generation}` });
      for (const one of start) await one();
      await services.start();
    },
  };
}

/** Ends them, and answers how to start as many again. */
async function stopAll(fleets: readonly Fleet[]): Promise<() => Promise<void>> {
  const counts = fleets.map(({ members }) => members.length);
  await Promise.all(fleets.map(fleet => fleet.scale(0)));
  return async () => {
    await Promise.all(fleets.map((fleet, index) => fleet.scale(counts[index] ?? 0)));
  };
}

async function makeAnew({ brokers, topics }: World, admin: Admin, topic: string): Promise<void> {
  const { length: partitions } = await admin.fetchTopicOffsets(topic);
  await admin.deleteTopics({ topics: [topic] });
  await insisting(async () => {
    if ((await admin.listTopics()).includes(topic)) throw new Error('it is there still');
    await createTopics(brokers, { ...topics, partitions });
  });
}

/** First of the events topic, then of the raw one (docs/operating.md). */
function addPartitions({ world }: Scene): Fault {
  return {
    name: 'add-partitions',
    touches: ['everything'],
    inject: () =>
      withAdmin(world, async admin => {
        const { length } = await admin.fetchTopicOffsets(world.topics.raw);
        if (length >= 48) return;
        for (const topic of [world.topics.events, world.topics.raw])
          await insisting(() => admin.createPartitions({ topicPartitions: [{ topic, count: length + 2 }] }));
      }),
  };
}

function otherVersion({ services }: Scene, schema: 'wider' | 'narrower'): Fault {
  return {
    name: `schema-${schema}`,
    touches: [`schema-${schema}`],
    inject: async (random, signal) => {
      const writer = await services.beginWriter(schema);
      await wait(random, [5000, 15_000], signal);
      await writer.end();
    },
  };
}

async function withAdmin(world: World, action: (admin: Admin) => Promise<unknown>): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: world.brokers.split(','), logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await insisting(() => admin.connect());
  try {
    await action(admin);
  } finally {
    await admin.disconnect();
  }
}

/** A group is empty, and a topic gone, only a little after it was asked for. */
async function insisting<T>(ask: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 60_000; ; ) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(300);
    }
  }
}
