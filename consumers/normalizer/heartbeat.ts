// A heartbeat goes through each raw partition at least twice a period, sent by who owns the partition, so that an idle one is sealed
// too and its silence means something.

import { v7 as uuidv7 } from 'uuid';
import { describeError } from '../../core/edge/kafka/index.ts';
import type { Logger } from '../../core/edge/log.ts';
import { AUDIT_ACTIONS } from '../../core/event/index.ts';
import type { AuditEvent } from '../../schemas/index.ts';
import type { OwnEvents } from './own-events.ts';

export interface Heartbeats {
  /** Sends heartbeats into a partition until `stop`. */
  start(partition: number): { stop(): void };
}

export interface HeartbeatOptions {
  readonly own: Pick<OwnEvents, 'send'>;
  readonly log: Logger;
  readonly topic: string;
  readonly periodMs: number;
  onFailure(): void;
}

/** 2.5 a period: two are sure even where one is late. */
const perPeriod = 2.5;
/** A day is a long time to hear nothing, and timers know no more than 24 days. */
const longestMs = 12 * 3_600_000;

export function createHeartbeats(options: HeartbeatOptions): Heartbeats {
  const { own, log, topic, periodMs } = options;
  const intervalMs = Math.min(periodMs / perPeriod, longestMs);

  const send = async (partition: number): Promise<void> => {
    try {
      await own.send(heartbeatOf(topic, partition, Date.now()), partition);
    } catch (error) {
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
  };
}

function heartbeatOf(topic: string, partition: number, nowMs: number): AuditEvent {
  return {
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
}
