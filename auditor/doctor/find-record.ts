// Looks through a topic, as it stands, for records of one event.

import type { Kafka } from 'kafkajs';
import type { Registry } from '../../schemas/index.ts';
import { AuditorError } from '../error.ts';
import { followEvents } from '../tail/follow.ts';
import type { SealedEvent } from '../tail/sealed-event.ts';

export interface SearchedTopic {
  readonly kafka: Kafka;
  readonly registry: Pick<Registry, 'textOf'>;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly signal: AbortSignal;
}

/** All records since a time that are what is looked for. A topic that can't be read is an error, never an empty answer. */
export async function findRecords(
  topic: string,
  searched: SearchedTopic,
  isWanted: (event: SealedEvent) => boolean,
): Promise<SealedEvent[]> {
  const found: SealedEvent[] = [];
  const onTrouble = (text: string): void => {
    throw new AuditorError('unavailable', text);
  };
  const options = { ...searched, topic, filter: {}, refused: false, once: true, onTrouble };
  for await (const event of followEvents(options)) if (isWanted(event)) found.push(event);
  return found;
}
