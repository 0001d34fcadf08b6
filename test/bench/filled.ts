// A raw topic of one partition, filled with events of one shape.

import { randomUUID } from 'node:crypto';
import { auditEventText, openRegistry, subjectFor } from '../../schemas/index.ts';
import { deployments, type Shape } from './shapes.ts';
import { fillTopic, type Topics } from './topics.ts';

export interface Filled {
  readonly shape: Shape;
  readonly topic: string;
  readonly count: number;
  /** Mean size of a value. */
  readonly bytes: number;
}

export async function fillShape({ kafka, create }: Topics, shape: Shape, count: number): Promise<Filled> {
  const topic = `raw-${shape.name}-${randomUUID().slice(0, 8)}`;
  await create(topic);
  const registry = openRegistry({ url: process.env.SCHEMA_REGISTRY_URL ?? '' });
  const schemaId = await registry.register(subjectFor(topic), auditEventText);
  const first = deployments();
  const events = Array.from({ length: count - first.length }, (_, n) => shape.eventOf(n));
  return { shape, topic, count, bytes: await fillTopic(kafka, topic, schemaId, [...first, ...events]) };
}
