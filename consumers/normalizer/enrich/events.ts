// What happens while events are enriched that somebody should know: metric and log of each in one place.

import { Counter, Gauge, type Registry } from 'prom-client';
import type { Logger } from '../../../core/edge/log.ts';
import type { Enrichment } from '../../../schemas/index.ts';

export interface EnrichEvents {
  enriched(entries: readonly Enrichment[]): void;
  failed(name: string, error: unknown): void;
  reloaded(source: string): void;
  /** Its files are broken: what was read before stays in force. */
  broken(source: string, error: unknown): void;
  /** The topic of changes can't be read or written: marks may be missing or old. */
  changesUnavailable(what: string, error: unknown): void;
  changesRestored(services: number): void;
  /** The topic is not compacted: what it holds ends with its retention. */
  changesForgotten(topic: string, policy: string): void;
  /** A value of the topic that is not one of ours. */
  strangeChange(): void;
}

/** A source that fails fails for each event: one line a minute says so, the metric counts them all. */
const quietMs = 60_000;

export function createEnrichEvents(log: Logger, registry: Registry): EnrichEvents {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = [], tell = (_: Counter): void => {}) => {
    const collect = function (this: Counter): void {
      tell(this);
    };
    return new Counter({ name: `tidemark_normalizer_${name}`, help, labelNames, registers, collect });
  };
  /** Added up here and told when metrics are asked for: at each entry of each event, prom-client would make a text of its labels. */
  const entries = new Map<string, Map<string, number>>();
  counter('enrichments_total', 'What was added to events', ['name', 'status'], total => {
    for (const [name, counts] of entries) for (const [status, count] of counts) total.inc({ name, status }, count);
    entries.clear();
  });
  const unavailable = counter('changes_unavailable_total', 'Times that the topic of changes gave no answer');
  const strange = counter('changes_strange_total', 'Values in the topic of changes that are none');
  const stale = new Gauge({
    name: 'tidemark_normalizer_source_broken',
    help: '1 while the files of a source are broken and its last good state is in force',
    labelNames: ['source'],
    registers,
  });
  const saidAt = new Map<string, number>();
  const seldom = (about: string, say: () => void): void => {
    const now = Date.now();
    if (now - (saidAt.get(about) ?? Number.NEGATIVE_INFINITY) < quietMs) return;
    saidAt.set(about, now);
    say();
  };
  return {
    enriched: added => {
      for (const { name, status } of added) {
        let counts = entries.get(name);
        if (counts === undefined) {
          counts = new Map();
          entries.set(name, counts);
        }
        counts.set(status, (counts.get(status) ?? 0) + 1);
      }
    },
    // An error's words may quote the event: its kind alone is logged.
    failed: (name, error) =>
      seldom(name, () => log.error({ enricher: name, error: kindOf(error) }, 'an enricher failed')),
    reloaded: source => {
      stale.set({ source }, 0);
      log.info({ source }, 'source of enrichment read again');
    },
    broken: (source, error) => {
      stale.set({ source }, 1);
      log.error({ source, error: wordsOf(error) }, 'source of enrichment is broken: its last good state stays');
    },
    changesUnavailable: (what, error) => {
      unavailable.inc();
      seldom(what, () => log.warn({ what, error: wordsOf(error) }, 'live changes may be missing or old'));
    },
    changesRestored: services => log.info({ services }, 'live changes restored'),
    changesForgotten: (topic, policy) =>
      seldom('forgotten', () =>
        log.warn({ topic, found: `cleanup.policy=${policy}`, expected: 'compact' }, 'live changes will be forgotten'),
      ),
    strangeChange: () => {
      strange.inc();
      seldom('strange', () => log.warn('the topic of changes holds a value that is none: who else writes to it?'));
    },
  };
}

const kindOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
