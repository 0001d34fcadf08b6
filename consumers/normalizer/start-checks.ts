// Invariant 5: what would quietly weaken the evidence is an error at the start, all of it in one list, with what to do.

import kafkajs, { type Kafka } from 'kafkajs';
import { describeError } from '../../core/edge/kafka/index.ts';
import type { Logger } from '../../core/edge/log.ts';
import { type ArchiveSettings, type SettingProblem, SettingsError } from '../../core/edge/settings.ts';

/** What the checks need to know of a topic; null: it does not exist. Configuration that may not be read is absent. */
export interface TopicFacts {
  readonly partitions: number;
  readonly config: ReadonlyMap<string, string>;
}

export interface StartFindings {
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly string[];
  /** Retention of the raw topic; null: none, or not known. */
  readonly retentionMs: number | null;
  /** What a batch of the events topic may take; null: not known. */
  readonly maxMessageBytes: number | null;
}

/** An event is a raw record, in full where it is refused and twice where its writer knows more than we do, and what it says itself. */
const eventFactor = 2;
const eventMargin = 64 * 1024;

/** Pure: what is wrong with the two topics. */
export function checkTopics(
  settings: ArchiveSettings,
  raw: TopicFacts | null,
  events: TopicFacts | null,
): StartFindings {
  const { rawTopic, eventsTopic } = settings;
  const problems: SettingProblem[] = [];
  const warnings: string[] = [];
  const add = (name: string, found: string, expected: string, advice: string) =>
    problems.push({ name, found, expected, advice });
  if (!raw) add(rawTopic, 'no such topic', 'the raw topic', 'Create it, or correct TIDEMARK_RAW_TOPIC.');
  if (!events) add(eventsTopic, 'no such topic', 'the events topic', 'Create it, or correct TIDEMARK_EVENTS_TOPIC.');
  if (raw && events && events.partitions < raw.partitions) {
    const expected = `at least the ${raw.partitions} of ${rawTopic}`;
    add(
      eventsTopic,
      `${events.partitions} partitions`,
      expected,
      `Add partitions to ${eventsTopic}, always to it first.`,
    );
  }
  for (const [topic, facts] of [
    [rawTopic, raw],
    [eventsTopic, events],
  ] as const) {
    const policy = facts?.config.get('cleanup.policy');
    if (policy?.includes('compact')) {
      const advice = `Set cleanup.policy of ${topic} to delete: compaction takes evidence away.`;
      add(topic, `cleanup.policy=${policy}`, 'cleanup.policy=delete', advice);
    }
  }
  const rawMax = Number(raw?.config.get('max.message.bytes') ?? Number.NaN);
  const eventsMax = Number(events?.config.get('max.message.bytes') ?? Number.NaN);
  const needed = eventFactor * rawMax + eventMargin;
  if (eventsMax < needed) {
    const advice = `Raise it: a refused record of ${rawTopic} (max.message.bytes=${rawMax}) has to fit.`;
    add(eventsTopic, `max.message.bytes=${eventsMax}`, `at least ${needed}`, advice);
  }
  const stamp = raw?.config.get('message.timestamp.type');
  if (stamp !== undefined && stamp !== 'LogAppendTime') {
    const advice = 'set message.timestamp.type=LogAppendTime';
    warnings.push(`${rawTopic} has ${stamp}: the time of receipt is marked as the producer's claim; better ${advice}`);
  }
  if ((raw && raw.config.size === 0) || (events && events.config.size === 0))
    warnings.push('the configuration of the topics may not be read (DescribeConfigs): it was not checked');
  const retention = Number(raw?.config.get('retention.ms') ?? -1);
  const maxMessageBytes = Number.isNaN(eventsMax) ? null : eventsMax;
  return { problems, warnings, retentionMs: retention < 0 ? null : retention, maxMessageBytes };
}

/**
 * Looks at the topics; throws SettingsError with all problems, `others` among them, logs warnings, and answers what it found.
 */
export async function checkStart(
  kafka: Kafka,
  settings: ArchiveSettings,
  others: readonly SettingProblem[],
  log: Logger,
): Promise<StartFindings> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const names = await admin.listTopics();
    const factsOf = async (topic: string): Promise<TopicFacts | null> => {
      if (!names.includes(topic)) return null;
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const config = new Map<string, string>();
      try {
        const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }];
        const described = await admin.describeConfigs({ resources, includeSynonyms: false });
        for (const { configName, configValue } of described.resources[0]?.configEntries ?? [])
          config.set(configName, configValue);
      } catch (error) {
        log.debug({ topic, error: describeError(error) }, 'configuration not readable');
      }
      return { partitions: topics[0]?.partitions.length ?? 0, config };
    };
    const raw = await factsOf(settings.rawTopic);
    const findings = checkTopics(settings, raw, await factsOf(settings.eventsTopic));
    for (const warning of findings.warnings) log.warn(warning);
    const problems = [...findings.problems, ...others];
    if (problems.length > 0) throw new SettingsError(problems);
    return findings;
  } finally {
    await admin.disconnect();
  }
}
