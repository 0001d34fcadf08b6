// What happens in the archiver that somebody should know: metric and log of each event in one place. Nothing of an event's content.

import { Counter, Gauge, type Registry } from 'prom-client';
import type { Logger } from '../../core/edge/log.ts';
import type { Retention } from '../../core/edge/retention.ts';
import type { Manifest } from '../../core/proof/batch.ts';
import type { ChainEnd } from '../../core/proof/chain.ts';
import { parseTime } from '../../core/proof/period.ts';
import type { RetentionClass } from './retention-classes.ts';

/** What someone has to look at. `planted`: an object that does not verify; `uncommitted`: one that does, of runs never committed. */
export type Alarm = 'planted' | 'uncommitted';

export interface ArchiverEvents {
  recovered(partition: number, how: { end: ChainEnd; position: bigint; unlisted: number }): void;
  left(partition: number): void;
  /** Read up to `next` of a topic that ends at `end`. */
  read(partition: number, next: bigint, end: bigint): void;
  /** A run that is left out, because it does not chain or does not verify. */
  torn(partition: number, offset: bigint, why: string): void;
  segmentWritten(partition: number, key: string, bytes: number, sealedAt: number): void;
  segmentAdopted(partition: number, key: string): void;
  sealed(manifest: Manifest): void;
  locksExtended(count: number): void;
  sealerFailed(error: unknown): void;
  alarm(kind: Alarm, key: string, what: string): void;
  /** Works out, for a scrape, what depends on the time. */
  scrape(): void;
}

interface PartitionState {
  next: bigint;
  end: bigint;
  /** Sealing time of what is archived last, ms; 0: nothing is. */
  sealedAt: number;
  writtenAt: number;
}

export function createEvents(log: Logger, registry: Registry): ArchiverEvents {
  const metrics = createMetrics(registry);
  const partitions = new Map<number, PartitionState>();
  const stateOf = (partition: number): PartitionState => {
    const state = partitions.get(partition) ?? { next: 0n, end: 0n, sealedAt: 0, writtenAt: 0 };
    partitions.set(partition, state);
    return state;
  };
  let lastBatchEnd = 0;
  return {
    recovered: (partition, { end, position, unlisted }) => {
      Object.assign(stateOf(partition), { sealedAt: end.sealedAt, next: position });
      const { generation, next } = end;
      const where = { partition, generation, next: `${next}`, position: `${position}`, unlisted };
      log.info(where, "goes on from the chain's end in the bucket");
    },
    left: partition => {
      partitions.delete(partition);
      for (const gauge of metrics.byPartition) gauge.remove({ partition });
    },
    read: (partition, next, end) => void Object.assign(stateOf(partition), { next, end }),
    torn: (partition, offset, why) => {
      metrics.torn.inc({ partition });
      log.error({ partition, offset: `${offset}`, why }, 'torn: a run of the events topic is left out');
    },
    segmentWritten: (partition, key, bytes, sealedAt) => {
      Object.assign(stateOf(partition), { sealedAt, writtenAt: Date.now() });
      metrics.segments.inc({ outcome: 'written' });
      metrics.bytes.inc(bytes);
      log.info({ partition, key, bytes }, 'segment written');
    },
    segmentAdopted: (partition, key) => {
      Object.assign(stateOf(partition), { writtenAt: Date.now() });
      metrics.segments.inc({ outcome: 'adopted' });
      log.info({ partition, key }, 'segment adopted');
    },
    sealed: ({ period, duration, events, seals, partitions: rows }) => {
      lastBatchEnd = parseTime(period) ?? 0;
      metrics.batches.inc();
      metrics.batchEvents.inc(events);
      const segments = rows.reduce((sum, row) => sum + row.segments.length, 0);
      log.info({ period, duration, events, seals, segments, partitions: rows.length }, 'period sealed');
    },
    locksExtended: count => {
      metrics.locks.inc(count);
      if (count > 0) log.info({ count }, 'locks extended');
    },
    sealerFailed: error => {
      metrics.sealerFailures.inc();
      log.warn({ error: error instanceof Error ? error.message : String(error) }, 'sealing failed, will try again');
    },
    alarm: (kind, key, what) => {
      metrics.alarms.inc({ kind });
      log.error({ kind, key }, `alarm: ${what}`);
    },
    scrape: () => {
      const now = Date.now();
      if (lastBatchEnd > 0) metrics.batchAge.set((now - lastBatchEnd) / 1000);
      for (const [partition, state] of partitions) {
        const lag = state.end > state.next ? Number(state.end - state.next) : 0;
        metrics.lagEvents.set({ partition }, lag);
        metrics.lagSeconds.set({ partition }, lag > 0 && state.sealedAt > 0 ? (now - state.sealedAt) / 1000 : 0);
        if (state.sealedAt > 0) metrics.sealAge.set({ partition }, (now - state.sealedAt) / 1000);
        if (state.writtenAt > 0) metrics.segmentAge.set({ partition }, (now - state.writtenAt) / 1000);
      }
    },
  };
}

/** Said at each start: how long evidence is kept, and that a trial is none. */
export function tellRetention(
  log: Logger,
  { mode, duration, isTrial }: Retention,
  classes: readonly RetentionClass[],
): void {
  const kept = classes.map(({ name, keep }) => `${name} ${keep.text}`);
  log.info({ mode, duration: duration.text, classes: kept }, 'retention');
  if (!isTrial) return;
  const ignored = classes.length > 0 ? 'retention classes are not applied, and ' : '';
  log.warn(
    `TRIAL RETENTION: ${ignored}evidence is locked for one day only, in GOVERNANCE mode, which some may lift. Not for production`,
  );
}

function createMetrics(registry: Registry) {
  const registers = [registry];
  const name = (rest: string) => `tidemark_archiver_${rest}`;
  const gauge = (rest: string, help: string) =>
    new Gauge({ name: name(rest), help, labelNames: ['partition'], registers });
  const counter = (rest: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: name(rest), help, labelNames, registers });
  const lagEvents = gauge('lag_events', 'Offsets of the events topic that were not read yet');
  const lagSeconds = gauge('lag_seconds', 'Age of the last archived seal, while there is more to read');
  const sealAge = gauge('last_seal_age_seconds', 'Age of the last archived seal');
  const segmentAge = gauge('last_segment_age_seconds', 'Time since the last segment was written or adopted');
  return {
    lagEvents,
    lagSeconds,
    sealAge,
    segmentAge,
    byPartition: [lagEvents, lagSeconds, sealAge, segmentAge],
    batchAge: new Gauge({
      name: name('last_batch_age_seconds'),
      help: 'Time since the last sealed period began',
      registers,
    }),
    torn: counter('torn_runs_total', 'Runs of the events topic that were left out', ['partition']),
    segments: counter('segments_total', 'Segments, by how they came into the bucket', ['outcome']),
    bytes: counter('segment_bytes_total', 'Bytes of written segments'),
    batches: counter('batches_total', 'Periods sealed here'),
    batchEvents: counter('batch_events_total', 'Events of the periods sealed here'),
    locks: counter('locks_extended_total', 'Locks made longer'),
    sealerFailures: counter('sealer_failures_total', 'Rounds of the sealer that failed'),
    alarms: counter('alarms_total', 'Objects in the bucket that someone has to look at', ['kind']),
  };
}
