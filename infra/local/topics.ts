// The two topics of an archive: as many partitions in one as in the other, since p of the raw feeds p of the events.

import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { checkConnection, createKafka, type KafkaSettings } from '../../core/edge/kafka/index.ts';
import { StackError } from './errors.ts';

export type TopicPlan = {
  /** Usually `audit.raw`. */
  raw: string;
  /** Usually `audit.events`. */
  events: string;
  partitions: number;
};

// A refused record is carried whole in an event, so whatever fits the raw topic (1,048,588 bytes) has to fit this one.
const EVENTS_MAX_BYTES = 4 * 1024 * 1024;

/**
 * Creates both topics on a cluster, given by its settings or, where it is not secured, by its brokers. Existing ones are kept if
 * their partitions agree, else the error is `bad-settings`. Throws SettingsError where the cluster can't be reached.
 */
export async function createTopics(cluster: string | KafkaSettings, plan: TopicPlan): Promise<void> {
  const plain = typeof cluster === 'string' ? { brokers: cluster.split(','), tls: null, sasl: null } : cluster;
  const log = pino({ level: 'silent' });
  await checkConnection(plain, log);
  const admin = createKafka(plain, log, 'tidemark-topics').admin();
  const settings = { numPartitions: plan.partitions, replicationFactor: -1 }; // -1: as the broker is configured
  const topics = [
    { topic: plan.raw, ...settings, configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] },
    { topic: plan.events, ...settings, configEntries: [{ name: 'max.message.bytes', value: `${EVENTS_MAX_BYTES}` }] },
  ];
  try {
    await admin.connect();
    for (const topic of topics) await onceKnown(() => admin.createTopics({ topics: [topic], waitForLeaders: true }));
    const found = await onceKnown(() => admin.fetchTopicMetadata({ topics: [plan.raw, plan.events] }));
    for (const { name, partitions } of found.topics) {
      if (partitions.length === plan.partitions) continue;
      const message = `topic ${name} has ${partitions.length} partitions, ${plan.partitions} were asked for`;
      throw new StackError('bad-settings', message);
    }
  } finally {
    await admin.disconnect();
  }
}

const patienceMs = 30_000;

/** A broker answers for a moment that it does not know a topic which it has just created: asked again until it does. */
async function onceKnown<T>(ask: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + patienceMs; ; ) {
    try {
      return await ask();
    } catch (error) {
      const type = error instanceof Error && 'type' in error ? error.type : '';
      const isNew = type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'LEADER_NOT_AVAILABLE';
      if (!isNew || Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}
