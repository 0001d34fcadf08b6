// Topics as a command looks at them: clients of the servers that the settings name, without a log of their own.

import type { Kafka } from 'kafkajs';
import type { SearchedTopic } from '../auditor/doctor/find-record.ts';
import { checkConnection, createKafka } from '../core/edge/kafka/index.ts';
import { createLog } from '../core/edge/log.ts';
import type { topicSettings } from '../core/edge/settings.ts';
import { openRegistry, type Registry } from '../schemas/index.ts';

export interface Topics {
  readonly kafka: Kafka;
  readonly registry: Registry;
}

/** Resolves when a broker has answered; throws SettingsError where none does. `program`: as brokers are told. */
export async function openTopics(
  { kafka: settings, registry }: Pick<ReturnType<typeof topicSettings>, 'kafka' | 'registry'>,
  program: string,
): Promise<Topics> {
  const log = createLog('tidemark', { TIDEMARK_LOG_LEVEL: 'silent' });
  await checkConnection(settings, log);
  return { kafka: createKafka(settings, log, program), registry: openRegistry(registry) };
}

/** A look through topics from a time on (milliseconds since 1970), to its end. */
export const searched = (topics: Topics, since: number): SearchedTopic => ({
  ...topics,
  since,
  signal: new AbortController().signal,
});
