// An enricher that looks ids up in a source. The same few are asked for again and again, so what was said of them last is kept, until
// the source is another one: lookups and entries are then shared by many records.

import { LRUCache } from 'lru-cache';
import { ownText } from '../../../core/edge/own-text.ts';
import type { AuditRecord, Enrichment } from '../../../schemas/index.ts';
import { type Enricher, type EntrySource, shared } from './enricher.ts';

export interface Subject {
  /** Path of the field that it is in. */
  readonly about: string;
  readonly id: string;
}

export interface Lookup<S> {
  readonly name: string;
  /** The source in force now; another object is another source. */
  current(): S;
  versionOf(source: S): string;
  subjects(record: AuditRecord): readonly Subject[];
  find(source: S, subject: Subject, entry: EntrySource): Enrichment;
}

const kept = 20_000;

export function createLookup<S>(lookup: Lookup<S>): Enricher {
  const { name } = lookup;
  const cache = new LRUCache<string, Enrichment>({ max: kept });
  let source = lookup.current();
  let version = lookup.versionOf(source);
  const refresh = (): void => {
    const now = lookup.current();
    if (now === source) return;
    source = now;
    version = lookup.versionOf(now);
    cache.clear();
  };
  const find = (subject: Subject): Enrichment => {
    // Paths are ours and hold no space.
    const key = `${subject.about} ${subject.id}`;
    const known = cache.get(key);
    if (known) return known;
    const entry = shared(lookup.find(source, subject, { name, version }));
    cache.set(ownText(key), entry);
    return entry;
  };
  return {
    name,
    get version() {
      refresh();
      return version;
    },
    enrich: record => {
      const subjects = lookup.subjects(record);
      if (subjects.length === 0) return [];
      refresh();
      return subjects.map(find);
    },
  };
}
