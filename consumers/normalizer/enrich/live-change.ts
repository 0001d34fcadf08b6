// The live change: which deployment, migration and configuration change of a service was in force when an event of it happened, so
// that "when did it break, and through what" has an answer.

import type { Attribute, AuditRecord, Enrichment } from '../../../schemas/index.ts';
import type { ChangeHistory } from './change-history.ts';
import { happenedAt, type Mark } from './change-of.ts';
import { attribute, type Enricher, found, missing } from './enricher.ts';

const ABOUT = 'origin.service';
/** Of the rule, which is the source: it rises when docs/enrichment.md says something else. */
const SOURCE = { name: 'live-change', version: '1' };

export function createLiveChange(history: Pick<ChangeHistory, 'inForce'>): Enricher {
  return {
    ...SOURCE,
    enrich(record: AuditRecord): Enrichment[] {
      const { origin } = record;
      if (origin === null) return [];
      const inForce = history.inForce(origin.service, origin.environment ?? '', happenedAt(record));
      if (inForce.size === 0) return [missing(SOURCE, ABOUT, 'no change of this service is known at that time')];
      const changes = [...inForce].sort(([, a], [, b]) => b.since - a.since);
      const latest = changes[0]?.[0];
      const values = latest === undefined ? [] : [attribute('latest', latest)];
      return [found(SOURCE, ABOUT, [...values, ...changes.flatMap(([kind, mark]) => valuesOf(kind, mark))])];
    },
  };
}

function valuesOf(kind: string, mark: Mark): Attribute[] {
  const { event, action, since, ...rest } = mark;
  const values = [
    attribute(`${kind}.event`, event),
    attribute(`${kind}.action`, action),
    attribute(`${kind}.since`, new Date(Math.floor(since / 1000)).toISOString()),
  ];
  for (const [name, text] of Object.entries(rest)) if (text !== null) values.push(attribute(`${kind}.${name}`, text));
  return values;
}
