// What happens while events are enriched that somebody should know: metric and log of each in one place.

import { Counter, type Registry } from 'prom-client';
import type { Logger } from '../../../core/edge/log.ts';
import type { Enrichment } from '../../../schemas/index.ts';

export interface EnrichEvents {
  enriched(entries: readonly Enrichment[]): void;
  failed(name: string, error: unknown): void;
}

/** A source that fails fails for each event: one line a minute says so, the metric counts them all. */
const quietMs = 60_000;

export function createEnrichEvents(log: Logger, registry: Registry): EnrichEvents {
  const metric = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name: `tidemark_normalizer_${name}`, help, labelNames, registers: [registry] });
  const entriesTotal = metric('enrichments_total', 'What was added to events', ['name', 'status']);
  const saidAt = new Map<string, number>();
  return {
    enriched: entries => {
      for (const { name, status } of entries) entriesTotal.inc({ name, status });
    },
    failed: (name, error) => {
      const now = Date.now();
      if (now - (saidAt.get(name) ?? 0) < quietMs) return;
      saidAt.set(name, now);
      // An error's words may quote the event: its kind alone is logged.
      log.error({ enricher: name, error: error instanceof Error ? error.name : typeof error }, 'an enricher failed');
    },
  };
}
