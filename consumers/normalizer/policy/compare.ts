// What another policy would change: counted by action and by what changes, so that a million events make a short table. Nothing of an
// event is shown but its action and its outcome.

import type { AuditRecord } from '../../../schemas/index.ts';
import type { PolicyOutcome } from './file.ts';
import { type LoadedPolicy, outcomeOf, type PolicyDecision } from './policy.ts';

/** Events for which the same changes. */
export interface PolicyDifference {
  readonly action: string;
  readonly was: PolicyOutcome;
  readonly becomes: PolicyOutcome;
  /** Why, in the words of the policy that refuses or flags; empty where only masks change. */
  readonly why: string;
  /** Names of masks, with + for those that come and - for those that go. */
  readonly masks: readonly string[];
  events: number;
}

export interface Comparison {
  events: number;
  readonly outcomes: Record<PolicyOutcome, number>;
  /** Events in which something is masked. */
  masked: number;
  changed: number;
  /** By how often, at the end. */
  differences(): PolicyDifference[];
  add(record: AuditRecord): void;
}

/** Compares what `policy` does with what `before` does, record by record. */
export function comparePolicies(before: LoadedPolicy, policy: LoadedPolicy): Comparison {
  const differences = new Map<string, PolicyDifference>();
  const comparison: Comparison = {
    events: 0,
    outcomes: { accept: 0, flag: 0, refuse: 0 },
    masked: 0,
    changed: 0,
    differences: () => [...differences.values()].sort((a, b) => b.events - a.events || (a.action < b.action ? -1 : 1)),
    add: record => {
      const now = policy.apply(record);
      const old = before.apply(record);
      comparison.events++;
      comparison.outcomes[outcomeOf(now)]++;
      if (masksOf(now).length > 0) comparison.masked++;
      const difference = differenceOf(record.action, old, now);
      if (difference === null) return;
      comparison.changed++;
      const key = JSON.stringify(difference);
      const known = differences.get(key) ?? difference;
      known.events++;
      differences.set(key, known);
    },
  };
  return comparison;
}

function differenceOf(action: string, old: PolicyDecision, now: PolicyDecision): PolicyDifference | null {
  const was = outcomeOf(old);
  const becomes = outcomeOf(now);
  const [before, after] = [masksOf(old), masksOf(now)];
  const masks = [
    ...after.filter(name => !before.includes(name)).map(name => `+${name}`),
    ...before.filter(name => !after.includes(name)).map(name => `-${name}`),
  ];
  const why = was === becomes && whyOf(old) === whyOf(now) ? '' : whyOf(becomes === 'accept' ? old : now);
  if (was === becomes && why === '' && masks.length === 0) return null;
  return { action, was, becomes, why, masks, events: 0 };
}

function masksOf({ record }: PolicyDecision): string[] {
  const notes = record.flags.flatMap(({ code, note }) => (code === 'masked' && note ? note.split(', ') : []));
  return [...new Set(notes)].sort();
}

function whyOf({ record, refuse }: PolicyDecision): string {
  if (refuse !== null) return refuse.message;
  return record.flags.flatMap(({ code, note }) => (code.startsWith('policy-') && note ? [note] : [])).join('; ');
}
