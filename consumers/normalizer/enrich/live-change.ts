// The live change: which deployment, migration and configuration change of a service was in force when an event of it happened, so
// that "when did it break, and through what" has an answer.

import { LRUCache } from 'lru-cache';
import { ownText } from '../../../core/edge/own-text.ts';
import type { Attribute, AuditRecord, Enrichment } from '../../../schemas/index.ts';
import { type ChangeHistory, type InForce, inForce } from './change-history.ts';
import { happenedAt, type Mark } from './change-of.ts';
import { attribute, type Enricher, found, missing, shared } from './enricher.ts';

const ABOUT = 'origin.service';
/** Of the rule, which is the source: it rises when docs/enrichment.md says something else. */
const SOURCE = { name: 'live-change', version: '1' };

/** What was said last of a service, and as long as what holds: most events are of the same few services, and of now. */
interface Said extends Omit<InForce, 'changes'> {
  /** Of the history, when it was said. */
  readonly version: number;
  readonly entries: readonly Enrichment[];
}

const keptServices = 10_000;

export function createLiveChange(history: Pick<ChangeHistory, 'find' | 'version'>): Enricher {
  const cache = new LRUCache<string, Said>({ max: keptServices });
  return {
    ...SOURCE,
    enrich(record: AuditRecord): readonly Enrichment[] {
      const { origin } = record;
      if (origin === null) return [];
      const environment = origin.environment ?? '';
      const at = happenedAt(record);
      const name = `${environment.length} ${environment} ${origin.service}`;
      const last = cache.get(name);
      const { version } = history;
      if (last && last.version === version && last.from <= at && at < last.until) return last.entries;
      const { changes, from, until } = inForce(history.find(origin.service, environment), at);
      const entries = [shared(entryOf(changes))];
      cache.set(ownText(name), { version, entries, from, until });
      return entries;
    },
  };
}

function entryOf(changes: InForce['changes']): Enrichment {
  const sorted = [...changes].sort(([, a], [, b]) => b.since - a.since);
  const latest = sorted[0]?.[0];
  if (latest === undefined) return missing(SOURCE, ABOUT, 'no change of this service is known at that time');
  return found(SOURCE, ABOUT, [attribute('latest', latest), ...sorted.flatMap(([kind, mark]) => valuesOf(kind, mark))]);
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
