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

/** Ids, and fields that one is kept of: the same person may be an actor, and a target at several places. */
const kept = { ids: 20_000, fields: 8 };

const none: readonly Enrichment[] = [];

export function createLookup<S>(lookup: Lookup<S>): Enricher {
  const { name } = lookup;
  const cache = new LRUCache<string, readonly Enrichment[]>({ max: kept.ids });
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
    const { about, id } = subject;
    // By the id alone: a key that is put together for each lookup costs more than the lookup.
    const known = cache.get(id) ?? none;
    for (const entry of known) if (entry.about === about) return entry;
    const entry = shared(lookup.find(source, subject, { name, version }));
    cache.set(ownText(id), [entry, ...known].slice(0, kept.fields));
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
