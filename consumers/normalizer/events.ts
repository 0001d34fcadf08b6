// What happens in the normalizer that somebody should know: metric and log of each event in one place.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { describeError, type FetchedBatch } from '../../core/edge/kafka/index.ts';
import type { Logger } from '../../core/edge/log.ts';
import type { ChainEnd } from '../../core/proof/chain.ts';
import type { Decision } from './decide.ts';
import type { LoadedPolicy, PolicyError } from './policy/index.ts';
import type { SealedRun } from './run.ts';

export interface NormalizerEvents {
  recovered(
    partition: number,
    how: { position: bigint; end: ChainEnd; from: 'tail' | 'archive'; foreign: number },
  ): void;
  left(partition: number): void;
  read(batch: FetchedBatch): void;
  lost(partition: number, from: bigint, count: bigint): void;
  decided(decision: Decision): void;
  sealed(run: SealedRun, how: { seconds: number; rawTimestamp: number }): void;
  registryWaits(id: number, error: unknown): void;
  /** The store of keys gave no answer; events that need it wait. */
  keysWait(error: unknown): void;
  /** A key that was not in memory: made for somebody new, found in the store, or erased there. */
  keyFetched(how: 'made' | 'found' | 'erased'): void;
  /** Keys are in use; `size` says how many are in memory. */
  keysOpened(size: () => number): void;
  heartbeatFailed(): void;
  /** A policy is in force: the first (`from` null), or another one than before. */
  policyChanged(from: LoadedPolicy | null, to: LoadedPolicy): void;
  /** The policy file can't be used: the policy before it stays in force. */
  policyBroken(error: PolicyError): void;
  /** The event that tells of a change could not be sent yet. */
  policyUntold(error: unknown): void;
  /** Registered services are in force, at the start or anew; `unclaimed`: actions of tidemark's own that none of them may do. */
  servicesInForce(count: number, unclaimed: readonly string[]): void;
  /** Their files can't be used: what was read before stays in force. */
  servicesBroken(error: unknown): void;
  /** Catalogues of actions are in force, at the start or anew. */
  catalogueInForce(actions: number): void;
  /** Their files can't be used: what was read before stays in force. */
  catalogueBroken(error: unknown): void;
  /** Works out, for a scrape, what depends on the time and on where the raw topic ends. */
  scrape(ends: ReadonlyMap<number, bigint>, retentionMs: number | null): void;
}

interface PartitionState {
  next: bigint;
  end: bigint;
  sealedAt: number;
  /** Timestamp of the last raw record that is sealed, ms; 0: none yet. */
  rawTimestamp: number;
}

export function createEvents(log: Logger, registry: Registry): NormalizerEvents {
  const metrics = createMetrics(registry);
  const partitions = new Map<number, PartitionState>();
  let cachedKeys = (): number => 0;
  const stateOf = (partition: number): PartitionState => {
    const state = partitions.get(partition) ?? { next: 0n, end: 0n, sealedAt: 0, rawTimestamp: 0 };
    partitions.set(partition, state);
    return state;
  };
  return {
    recovered: (partition, { position, end, from, foreign }) => {
      Object.assign(stateOf(partition), { next: position, sealedAt: end.sealedAt, rawTimestamp: end.sealedAt });
      log.info({ partition, position: `${position}`, from, foreign }, 'goes on from its output');
      if (foreign > 0) {
        metrics.foreign.inc(foreign);
        log.error(
          { partition, foreign },
          'the events topic holds seals that are not of this chain: who else writes to it?',
        );
      }
    },
    left: partition => {
      partitions.delete(partition);
      for (const gauge of metrics.byPartition) gauge.remove({ partition });
    },
    read: batch => {
      stateOf(batch.partition).end = batch.highWatermark;
    },
    lost: (partition, from, count) => {
      metrics.lost.inc(Number(count));
      log.error({ partition, from: `${from}`, count: `${count}` }, 'raw records were gone before they could be read');
    },
    decided: ({ record, refused, unknown }) => {
      metrics.events.inc();
      for (const { code } of record.flags) metrics.flags.inc({ code });
      if (refused) metrics.refusals.inc({ code: refused });
      if (unknown) metrics.unknown.inc();
    },
    sealed: (run, { seconds, rawTimestamp }) => {
      const { partition, next, sealedAt, events } = run.seal;
      Object.assign(stateOf(partition), { next, sealedAt, rawTimestamp });
      metrics.runs.inc();
      metrics.runEvents.observe(events);
      metrics.commitSeconds.observe(seconds);
      log.debug({ partition, events, next: `${next}`, seconds }, 'run sealed');
    },
    registryWaits: (id, error) => {
      metrics.registryWaits.inc();
      log.warn({ id, error: error instanceof Error ? error.message : String(error) }, 'waiting for the registry');
    },
    keysWait: error => {
      metrics.keyWaits.inc();
      log.warn({ error: error instanceof Error ? error.message : String(error) }, 'waiting for the store of keys');
    },
    keyFetched: how => metrics.keys.inc({ how }),
    keysOpened: size => {
      cachedKeys = size;
    },
    heartbeatFailed: () => metrics.heartbeatFailures.inc(),
    policyChanged: (from, to) => {
      metrics.policyBroken.set(0);
      if (from) metrics.policyChanges.inc();
      log.info({ from: from?.digest, digest: to.digest, rules: to.rules }, 'policy in force');
    },
    policyBroken: error => {
      metrics.policyBroken.set(1);
      log.error({ error: error.message }, 'the policy file is broken: the policy before it stays in force');
    },
    policyUntold: error => {
      metrics.policyUntold.inc();
      log.warn({ error: describeError(error) }, 'a change of policy is not in the raw topic yet');
    },
    servicesInForce: (services, unclaimed) => {
      metrics.servicesBroken.set(0);
      log.info({ services }, 'registered services in force');
      if (unclaimed.length > 0) {
        log.warn({ actions: unclaimed }, 'no registered service may do these: events of them will be refused');
      }
    },
    servicesBroken: error => {
      metrics.servicesBroken.set(1);
      log.error(
        { error: describeError(error) },
        'the files of registered services are broken: those before stay in force',
      );
    },
    catalogueInForce: actions => {
      metrics.catalogueBroken.set(0);
      log.info({ actions }, 'catalogues of actions in force');
    },
    catalogueBroken: error => {
      metrics.catalogueBroken.set(1);
      log.error({ error: describeError(error) }, 'the catalogues of actions are broken: those before stay in force');
    },
    scrape: (ends, retentionMs) => {
      const now = Date.now();
      metrics.keysCached.set(cachedKeys());
      for (const [partition, state] of partitions) {
        const end = ends.get(partition) ?? state.end;
        const lag = end > state.next ? Number(end - state.next) : 0;
        const seconds = lag > 0 && state.rawTimestamp > 0 ? Math.max(0, now - state.rawTimestamp) / 1000 : 0;
        metrics.lagEvents.set({ partition }, lag);
        metrics.lagSeconds.set({ partition }, seconds);
        if (state.sealedAt > 0) metrics.sealAge.set({ partition }, (now - state.sealedAt) / 1000);
        metrics.hoursLeft.set({ partition }, retentionMs === null ? Infinity : (retentionMs / 1000 - seconds) / 3600);
      }
    },
  };
}

function createMetrics(registry: Registry) {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `tidemark_normalizer_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `tidemark_normalizer_${name}`, help, labelNames: ['partition'], registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `tidemark_normalizer_${name}`, help, buckets, registers });
  const lagEvents = gauge('lag_events', 'Raw offsets that are not sealed yet');
  const lagSeconds = gauge('lag_seconds', 'Age of the last sealed raw record, while there are others behind it');
  const sealAge = gauge('last_seal_age_seconds', 'Time since the last seal');
  const hoursLeft = gauge('retention_hours_left', "Hours until the raw topic's retention takes what is not sealed");
  return {
    lagEvents,
    lagSeconds,
    sealAge,
    hoursLeft,
    byPartition: [lagEvents, lagSeconds, sealAge, hoursLeft],
    events: counter('events_total', 'Raw records that became events'),
    refusals: counter('refusals_total', 'Raw records that became refusals', ['code']),
    flags: counter('flags_total', 'Marks that events were given, by why', ['code']),
    keys: counter('keys_total', 'Keys of personal data that were not in memory', ['how']),
    keysCached: new Gauge({
      name: 'tidemark_normalizer_keys_cached',
      help: 'Keys of personal data in memory',
      registers,
    }),
    keyWaits: counter('key_waits_total', 'Times that the store of keys gave no answer'),
    policyBroken: new Gauge({
      name: 'tidemark_normalizer_policy_broken',
      help: '1 while the policy file is broken and the policy before it stays in force',
      registers,
    }),
    catalogueBroken: new Gauge({
      name: 'tidemark_normalizer_catalogue_broken',
      help: '1 while the catalogues of actions are broken and those before are in force',
      registers,
    }),
    servicesBroken: new Gauge({
      name: 'tidemark_normalizer_services_broken',
      help: '1 while the files of registered services are broken, and those before them are in force',
      registers,
    }),
    policyChanges: counter('policy_changes_total', 'Times that another policy came into force'),
    policyUntold: counter('policy_untold_total', 'Times that the event of a change of policy could not be sent'),
    unknown: counter('unknown_fields_total', 'Events whose writer knows more than this normalizer: upgrade it'),
    lost: counter('lost_total', 'Raw offsets that were gone before they could be read'),
    foreign: counter('foreign_seals_total', 'Seals in the events topic that are not of its chain'),
    runs: counter('runs_total', 'Runs sealed'),
    registryWaits: counter('registry_waits_total', 'Times that the registry gave no answer'),
    heartbeatFailures: counter('heartbeat_failures_total', 'Heartbeats that could not be sent'),
    runEvents: histogram('run_events', 'Events of a run', [1, 10, 100, 1000, 3000, 10_000]),
    commitSeconds: histogram(
      'commit_seconds',
      'Time to seal and commit a run',
      [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    ),
  };
}
