// A heartbeat goes through each raw partition at least twice a period, sent by who owns the partition, so that an idle one is sealed
// too and its silence means something. An ordinary raw record, without a producer's number.

import type { Kafka } from 'kafkajs';
import { v7 as uuidv7 } from 'uuid';
import { describeError } from '../../core/edge/kafka/index.ts';
import type { Logger } from '../../core/edge/log.ts';
import { AUDIT_ACTIONS } from '../../core/event/index.ts';
import { type AuditEvent, auditEventType } from '../../schemas/index.ts';

export interface Heartbeats {
  /** Sends heartbeats into a partition until `stop`. */
  start(partition: number): { stop(): void };
  close(): Promise<void>;
}

export interface HeartbeatOptions {
  readonly kafka: Kafka;
  readonly log: Logger;
  readonly topic: string;
  /** Id of AuditEvent at the registry. */
  readonly schemaId: number;
  readonly periodMs: number;
  onFailure(): void;
}

/** 2.5 a period: two are sure even where one is late. */
const perPeriod = 2.5;
/** A day is a long time to hear nothing, and timers know no more than 24 days. */
const longestMs = 12 * 3_600_000;

export function createHeartbeats(options: HeartbeatOptions): Heartbeats {
  const { kafka, log, topic, schemaId, periodMs } = options;
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { initialRetryTime: 100, retries: 5 } });
  let connecting: Promise<void> | undefined;
  const intervalMs = Math.min(periodMs / perPeriod, longestMs);

  const send = async (partition: number): Promise<void> => {
    try {
      connecting ??= producer.connect();
      await connecting;
      const value = encodeHeartbeat(topic, partition, schemaId, Date.now());
      await producer.send({ topic, acks: -1, messages: [{ key: null, value, partition }] });
    } catch (error) {
      connecting = undefined;
      options.onFailure();
      log.warn({ partition, error: describeError(error) }, 'heartbeat not sent');
    }
  };

  return {
    start: partition => {
      let timer: NodeJS.Timeout;
      let stopped = false;
      // On a grid of its own that restarts do not shift: with every rebalance a new interval could put heartbeats off for ever.
      const plan = (): void => {
        const phase = (partition * 7919) % intervalMs;
        const wait = intervalMs - ((Date.now() - phase) % intervalMs);
        timer = setTimeout(async () => {
          await send(partition);
          if (!stopped) plan();
        }, wait);
      };
      plan();
      return {
        stop: () => {
          stopped = true;
          clearTimeout(timer);
        },
      };
    },
    close: async () => {
      await producer.disconnect();
    },
  };
}

/** A heartbeat as a raw record's value. */
export function encodeHeartbeat(topic: string, partition: number, schemaId: number, nowMs: number): Buffer {
  const event: AuditEvent = {
    id: uuidv7(),
    occurredAt: nowMs * 1000,
    action: AUDIT_ACTIONS.heartbeat,
    outcome: 'success',
    tenant: null,
    actor: null,
    targets: [{ type: 'partition', id: `${topic}/${partition}`, name: null, person: false, changes: [] }],
    origin: null,
    producer: null,
    request: null,
    change: null,
    reason: null,
    corrects: null,
    attributes: [],
  };
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(schemaId, 1);
  return Buffer.concat([prefix, auditEventType().encode(event)]);
}
