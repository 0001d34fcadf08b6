// The door: what the normalizer adds to an accepted event from sources of its own, before personal data is sealed.

import type { Kafka } from 'kafkajs';
import type { Registry } from 'prom-client';
import type { Logger } from '../../../core/edge/log.ts';
import type { EnrichmentSettings } from '../../../core/edge/settings.ts';
import { AUDIT_ACTIONS } from '../../../core/event/index.ts';
import type { AuditRecord } from '../../../schemas/index.ts';
import { ChangeHistory } from './change-history.ts';
import { changesOf } from './change-of.ts';
import { ChangeTopic } from './change-topic.ts';
import { clockFlag } from './clock.ts';
import { askAll } from './enricher.ts';
import { createEnrichEvents } from './events.ts';
import { createLiveChange } from './live-change.ts';
import { openFileEnrichers } from './sources.ts';

export type { Enricher } from './enricher.ts';

export interface Enrichers {
  /** The record with what is known about it. Never throws; a refusal and a heartbeat come back as they are. */
  enrich(record: AuditRecord): AuditRecord;
  /** Learns from an accepted record, as it is before sealing, what it changes for later ones. Never throws. */
  seen(record: AuditRecord): void;
  close(): Promise<void>;
}

export interface EnrichOptions {
  readonly kafka: Kafka;
  readonly log: Logger;
  /** Where its metrics go. */
  readonly registry: Registry;
}

/** Reads all sources. Throws SettingsError where one can't be read at the start. */
export async function openEnrichers(settings: EnrichmentSettings, options: EnrichOptions): Promise<Enrichers> {
  const events = createEnrichEvents(options.log, options.registry);
  const files = await openFileEnrichers(settings, events);
  const history = new ChangeHistory();
  const { changesTopic } = settings;
  const changes =
    changesTopic === null
      ? null
      : await ChangeTopic.open({ kafka: options.kafka, topic: changesTopic, history, events });
  const enrichers = changes ? [...files.enrichers, createLiveChange(history)] : files.enrichers;
  return {
    enrich: record => {
      if (record.refused !== null || record.action === AUDIT_ACTIONS.heartbeat) return record;
      const enrichment = askAll(enrichers, record, events.failed);
      events.enriched(enrichment);
      const flag = clockFlag(record, settings.clockTolerance);
      if (enrichment.length === 0 && flag === null) return record;
      const flags = flag === null ? record.flags : [...record.flags, flag];
      return { ...record, enrichment: [...record.enrichment, ...enrichment], flags };
    },
    seen: record => {
      try {
        if (changes) for (const change of changesOf(record, files.servicesIn)) changes.take(change);
      } catch (error) {
        events.failed('live-change', error);
      }
    },
    close: async () => {
      files.close();
      await changes?.close();
    },
  };
}
