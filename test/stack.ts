// How a test uses the servers of the run: their variables, and names of its own, so that no two tests share any state.

import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { createLockedBucket, s3ConfigOf } from '../infra/local/bucket.ts';
import { createTopics } from '../infra/local/topics.ts';

/** The variables of the run's stack, as `npm run stack` prints them. Only in `test/integration`. */
export function stackEnv(): Record<string, string> {
  return inject('stackEnv');
}

/** One of `stackEnv`'s; an error where it is missing. */
export function stackVariable(name: string): string {
  const value = stackEnv()[name];
  if (value === undefined) throw new Error(`the stack has no ${name}`);
  return value;
}

export type FreshNames = { raw: string; events: string; group: string; bucket: string; prefix: string };

/** Names that nothing else uses; nothing is created. */
export function freshNames(): FreshNames {
  const id = randomUUID().slice(0, 13);
  return {
    raw: `raw-${id}`,
    events: `events-${id}`,
    group: `group-${id}`,
    bucket: `bucket-${id}`,
    prefix: `prefix-${id}`,
  };
}

/** Fresh names whose two topics and locked bucket have been created on the run's stack, or on brokers of the test's own. */
export async function createFresh(partitions = 1, brokers = stackVariable('KAFKA_BROKERS')): Promise<FreshNames> {
  const names = freshNames();
  await Promise.all([
    createTopics(brokers, { raw: names.raw, events: names.events, partitions }),
    createLockedBucket(s3ConfigOf(stackEnv()), names.bucket),
  ]);
  return names;
}
