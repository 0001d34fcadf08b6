// The real normalizer and the real archiver over topics of their own, running until the bench is over.

import { randomUUID } from 'node:crypto';
import { type AuditEvent, auditEventText, openRegistry, subjectFor } from '../../schemas/index.ts';
import { type Program, startNode, untilRecovered } from './program.ts';
import { createWorld, type PartsOn } from './settings.ts';
import { fillTopic, openTopics, type Topics } from './topics.ts';

export interface Pipeline {
  readonly topics: Topics;
  readonly raw: string;
  readonly events: string;
  readonly schemaId: number;
  readonly normalizer: Program;
  readonly archiver: Program;
  close(): Promise<void>;
}

export interface PipelineOptions {
  readonly partitions: number;
  readonly parts: PartsOn;
  readonly profiles: string | undefined;
  /** What the broker keeps of a partition; undefined: all. */
  readonly retentionBytes?: number;
  /** What is in the raw topic before they start. */
  readonly backlog?: readonly AuditEvent[];
}

/** Starts both and waits until they have recovered all partitions. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { partitions, parts, profiles, retentionBytes, backlog = [] } = options;
  const topics = await openTopics();
  const world = await createWorld();
  const id = randomUUID().slice(0, 8);
  const [raw, events] = [`raw-${id}`, `events-${id}`];
  await topics.create(raw, partitions, retentionBytes);
  await topics.create(events, partitions, retentionBytes);
  const registry = openRegistry({ url: process.env.SCHEMA_REGISTRY_URL ?? '' });
  const schemaId = await registry.register(subjectFor(raw), auditEventText);
  await fillTopic(topics.kafka, raw, schemaId, backlog);
  const start = (name: 'normalizer' | 'archiver', env: Record<string, string>) =>
    startNode(`consumers/${name}/main.ts`, [], { name, folder: world.folder, profiles, env });
  const normalizer = await start('normalizer', world.normalizer(raw, events, parts));
  const archiver = await start('archiver', world.archiver(raw, events));
  const close = async () => {
    await Promise.all([normalizer.end(), archiver.end(), topics.close()]);
    world.close();
  };
  try {
    await Promise.all([normalizer, archiver].map(program => untilRecovered(program, partitions)));
  } catch (error) {
    await close();
    throw error;
  }
  return { topics, raw, events, schemaId, normalizer, archiver, close };
}
