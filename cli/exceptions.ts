// What an erasure does not reach at once, with its end: the raw topic, and what was refused.

import kafkajs from 'kafkajs';
import { createKafka } from '../core/edge/kafka/index.ts';
import { createLog } from '../core/edge/log.ts';
import { topicSettings } from '../core/edge/settings.ts';
import { type Duration, formatTime } from '../core/proof/period.ts';

type Env = Readonly<Record<string, string | undefined>>;

const dayMs = 24 * 3600_000;

/** Lines for who asked for an erasure. Never throws: where the topic can't be asked, it says so. */
export async function exceptionsOf(env: Env, dayKeys: Duration, now: number): Promise<string[]> {
  const nextDay = Math.floor(now / dayMs) * dayMs + dayMs;
  return [
    'two things are not reached at once:',
    `  the raw topic keeps what was published in clear: ${await rawEnd(env, now)}`,
    `  bytes of refused records, which may name anybody, are under the key of their day: the last of today's is destroyed by ` +
      `tidemark erase run after ${formatTime(nextDay + dayKeys.ms)}`,
  ];
}

async function rawEnd(env: Env, now: number): Promise<string> {
  try {
    const { kafka, rawTopic } = topicSettings(env);
    const ms = await retentionOf(kafka, rawTopic, env);
    if (ms === null) return `its retention (retention.ms of ${rawTopic}), which could not be asked`;
    if (ms < 0) return `for ever, since ${rawTopic} has no retention: set retention.ms on it`;
    return `until its retention, ${formatTime(now + ms)} and the time until a segment of the broker is closed`;
  } catch (error) {
    return `until its retention, which could not be asked (${error instanceof Error ? error.message : error})`;
  }
}

async function retentionOf(
  settings: Parameters<typeof createKafka>[0],
  topic: string,
  env: Env,
): Promise<number | null> {
  const log = createLog('tidemark', { ...env, TIDEMARK_LOG_LEVEL: 'silent' });
  const admin = createKafka(settings, log, 'tidemark-erase').admin();
  try {
    await admin.connect();
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }];
    const { resources: described } = await admin.describeConfigs({ resources, includeSynonyms: false });
    const entry = described[0]?.configEntries.find(({ configName }) => configName === 'retention.ms');
    return entry === undefined ? null : Number(entry.configValue);
  } finally {
    await admin.disconnect();
  }
}
