// What is known of changes: for each service, environment and kind the last few, by when they came into force, so that an event that
// comes late finds the change of its own time. Bounded: the services that were not asked for longest are forgotten.

import { LRUCache } from 'lru-cache';
import { ownText } from '../../../core/edge/own-text.ts';
import type { ChangeKey, ChangeKind, Mark } from './change-of.ts';

/** Changes that are kept of each service, environment and kind. */
export const keptChanges = 16;
const maxMarks = 100_000;

interface Kept {
  readonly mark: Mark;
  /** This program saw the event itself: it answers for the topic having it. */
  own: boolean;
}

/** Of a service in an environment; never changed once it is given out. */
export type Changes = ReadonlyMap<ChangeKind, readonly Kept[]>;

export class ChangeHistory {
  readonly #services = new LRUCache<string, Changes>({
    maxSize: maxMarks,
    sizeCalculation: kinds =>
      Math.max(
        1,
        [...kinds.values()].reduce((sum, { length }) => sum + length, 0),
      ),
  });

  #version = 0;

  /** Another number once anything that is known changed. */
  get version(): number {
    return this.#version;
  }

  /** Takes marks, in any order, known ones too; answers whether that changed what is known. */
  take(key: ChangeKey, marks: readonly Mark[], own = false): boolean {
    const kinds = new Map(this.#services.get(nameOf(key)));
    const list = [...(kinds.get(key.kind) ?? [])];
    let changed = false;
    for (const mark of marks) changed = insert(list, { mark, own }) || changed;
    if (!changed) return false;
    this.#version++;
    kinds.set(key.kind, list.slice(-keptChanges));
    this.#services.set(ownText(nameOf(key)), kinds);
    return true;
  }

  /** All that is known of one kind, in order. */
  marks(key: ChangeKey): Mark[] {
    return (this.#services.peek(nameOf(key))?.get(key.kind) ?? []).map(({ mark }) => mark);
  }

  /** Whether this program saw changes that are not among these. */
  hasMore(key: ChangeKey, marks: readonly Mark[]): boolean {
    const kept = this.#services.peek(nameOf(key))?.get(key.kind) ?? [];
    return kept.some(({ mark, own }) => own && !marks.some(({ event }) => event === mark.event));
  }

  /** What is known of a service: in its environment, and of changes that name none and hold in all. */
  find(service: string, environment: string): readonly Changes[] {
    const everywhere = this.#services.get(nameOf({ service, environment: '' }));
    const here = environment === '' ? undefined : this.#services.get(nameOf({ service, environment }));
    if (everywhere === undefined) return here === undefined ? none : [here];
    return here === undefined ? [everywhere] : [everywhere, here];
  }

  get services(): number {
    return this.#services.size;
  }
}

const none: readonly Changes[] = [];

export interface InForce {
  /** One of each kind at most. */
  readonly changes: ReadonlyMap<ChangeKind, Mark>;
  /** From when (µs) until, not including, when that is so. */
  readonly from: number;
  readonly until: number;
}

/** The changes in force at a time (µs). Pure. */
export function inForce(known: readonly Changes[], at: number): InForce {
  const changes = new Map<ChangeKind, Mark>();
  let from = Number.NEGATIVE_INFINITY;
  let until = Number.POSITIVE_INFINITY;
  for (const [kind, list] of known.flatMap(one => [...one])) {
    const index = list.findLastIndex(({ mark }) => mark.since <= at);
    const mark = list[index]?.mark;
    until = Math.min(until, list[index + 1]?.mark.since ?? until);
    if (!mark) continue;
    from = Math.max(from, mark.since);
    if ((changes.get(kind)?.since ?? Number.NEGATIVE_INFINITY) <= mark.since) changes.set(kind, mark);
  }
  return { changes, from, until };
}

/** Lengths keep two names apart, whatever they hold; JSON would cost more than all the rest of a lookup. */
const nameOf = ({ service, environment }: Pick<ChangeKey, 'service' | 'environment'>): string =>
  `${environment.length} ${environment} ${service}`;

/**
 * Keeps a list in order of time, then of ids. Events of one change that follow each other are one mark, the earliest; so the thousand
 * events of a migration do not push all else out.
 */
function insert(list: Kept[], kept: Kept): boolean {
  const known = list.find(({ mark }) => mark.event === kept.mark.event);
  if (known) {
    known.own ||= kept.own;
    return false;
  }
  const index = list.findIndex(({ mark }) => isBefore(kept.mark, mark));
  const at = index < 0 ? list.length : index;
  if (isSameChange(list[at - 1]?.mark, kept.mark)) return false;
  list.splice(at, isSameChange(list[at]?.mark, kept.mark) ? 1 : 0, { ...kept, mark: ownMark(kept.mark) });
  return true;
}

/** With texts of its own: it outlives its event. */
function ownMark(mark: Mark): Mark {
  const own = (text: string | null): string | null => (text === null ? null : ownText(text));
  const { since, reference, run, approval, version, commit } = mark;
  return {
    event: ownText(mark.event),
    action: ownText(mark.action),
    since,
    reference: own(reference),
    run: own(run),
    approval: own(approval),
    version: own(version),
    commit: own(commit),
  };
}

const isBefore = (a: Mark, b: Mark): boolean => a.since < b.since || (a.since === b.since && a.event < b.event);

const isSameChange = (a: Mark | undefined, b: Mark): boolean =>
  a !== undefined &&
  (b.run ?? b.reference ?? b.version ?? b.commit) !== null &&
  a.run === b.run &&
  a.reference === b.reference &&
  a.version === b.version &&
  a.commit === b.commit;
