// Invariant 5: what would quietly weaken the evidence is an error at the start, all of it in one list, with what to do.

import type { Admin } from 'kafkajs';
import type { BucketError } from '../../core/edge/s3/error.ts';
import { probeLock } from '../../core/edge/s3/lock-probe.ts';
import type { S3Bucket } from '../../core/edge/s3/s3-bucket.ts';
import { checkBucket, checkLockMode } from '../../core/edge/s3/start-check.ts';
import { type ArchiveSettings, type SettingProblem, SettingsError } from '../../core/edge/settings.ts';

/** Looks at bucket and topics; throws SettingsError with all problems. Answers the number of partitions of the events topic. */
export async function checkStart(admin: Admin, settings: ArchiveSettings, bucket: S3Bucket): Promise<number> {
  const problems: SettingProblem[] = (await problemsOf(bucket)).map(({ message }) => {
    const [found = message, ...advice] = message.split(/: (?=[^:]*$)/);
    const expected = 'a bucket with versioning and Object Lock that these credentials may use';
    return { name: 'S3_BUCKET', found, expected, advice: advice.join(': ') };
  });
  const { rawTopic, eventsTopic } = settings;
  const names = await admin.listTopics();
  const partitionsOf = async (topic: string): Promise<number> => {
    if (!names.includes(topic)) return 0;
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.length ?? 0;
  };
  const events = await partitionsOf(eventsTopic);
  const raw = await partitionsOf(rawTopic); // 0 also where these credentials may not see it
  if (events === 0) {
    const advice = 'Create it, or correct TIDEMARK_EVENTS_TOPIC.';
    problems.push({ name: eventsTopic, found: 'no such topic', expected: 'the events topic', advice });
  } else if (events < raw) {
    const expected = `at least the ${raw} of ${rawTopic}`;
    const advice = `Add partitions to ${eventsTopic}, always to it first.`;
    problems.push({ name: eventsTopic, found: `${events} partitions`, expected, advice });
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return events;
}

/** What the bucket says of itself first; only what passes that is tried by a probe. */
async function problemsOf(bucket: S3Bucket): Promise<BucketError[]> {
  for (const check of [checkBucket, checkLockMode, probeLock]) {
    const problems = await check(bucket);
    if (problems.length > 0) return problems;
  }
  return [];
}
