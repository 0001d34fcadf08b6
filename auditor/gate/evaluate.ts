// Whether the events that a deployment requires are there. Pure: of each rule who fulfils it, or what stands in the way.

import { AuditorError } from '../error.ts';
import { compileFilter } from '../read/filter.ts';
import { isRecord, type View, viewOf } from '../read/view.ts';
import type { GateRule } from './rules.ts';

/** What is to be deployed: `{service}` and the like in rules. */
export type GateSubject = Readonly<Record<string, string>>;

export interface GateResult {
  readonly rule: string;
  readonly passes: boolean;
  /** Who fulfils it, and by which event; or why that is not enough. */
  readonly says: string;
}

/** An event as the gate looks at it. */
interface Candidate {
  readonly view: View;
  readonly attribution: unknown;
  readonly roles: readonly string[];
  readonly commit: unknown;
  readonly environment: unknown;
  readonly reference: unknown;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const STRENGTH = ['anonymous', 'asserted', 'verified'];

/** `values`: decoded events, refusals among them or not; `now`: ms. Throws AuditorError where a rule names what was not given. */
export function evaluateGate(
  rules: readonly GateRule[],
  subject: GateSubject,
  values: readonly unknown[],
  now: number,
): GateResult[] {
  const events = values.map(candidateOf);
  return rules.map(rule => evaluateRule(rule, subject, events, now));
}

function evaluateRule(rule: GateRule, subject: GateSubject, events: readonly Candidate[], now: number): GateResult {
  const { name, identity, atLeast } = rule;
  const about = aboutTest(rule, subject);
  const concerned = events.filter(
    event => about(event) && (rule.within === undefined || event.at >= now - rule.within),
  );
  const doers = new Set(chosen(concerned, rule.notWhoDid).map(({ view }) => view.actorId));
  const found = chosen(concerned, rule.actions).filter(({ view }) => view.outcome === rule.outcome);
  const isBy = compileFilter({ actor: rule.by });
  const hasRole = compileFilter({ actor: rule.roles });
  const tests: [string, (event: Candidate) => boolean][] = [
    [
      `with an identity that is less than ${identity}`,
      ({ attribution }) => STRENGTH.indexOf(String(attribution)) >= STRENGTH.indexOf(identity),
    ],
    ['by nobody', ({ view }) => view.actorId !== ''],
    ['by somebody else than may', ({ view }) => isBy(view)],
    [
      'without the role',
      ({ roles, view }) => rule.roles === undefined || roles.some(role => hasRole({ ...view, actorId: role })),
    ],
    [`by somebody who did ${rule.notWhoDid?.join(' or ')}`, ({ view }) => !doers.has(view.actorId)],
  ];
  let left = found;
  const lost: string[] = [];
  for (const [why, holds] of tests) {
    const next = left.filter(holds);
    if (next.length < left.length) lost.push(`${left.length - next.length} ${why}`);
    left = next;
  }
  const people = new Map(left.map(({ view }) => [view.actorId, view.id]));
  if (people.size >= atLeast) {
    return { rule: name, passes: true, says: [...people].map(([who, id]) => `${who} (event ${id})`).join(', ') };
  }
  const wanted = `${rule.actions.join(' or ')} by ${atLeast === 1 ? 'one' : `${atLeast} different actors`}`;
  const aside = lost.length === 0 ? '' : `; not counted: ${lost.join(', ')}`;
  return { rule: name, passes: false, says: `found ${people.size}, expected ${wanted}${aside}` };
}

/** Events whose action is one of the patterns; none where there are no patterns. */
function chosen(events: readonly Candidate[], actions: readonly string[] | undefined): readonly Candidate[] {
  if (actions === undefined) return [];
  const isOne = compileFilter({ action: actions });
  return events.filter(({ view }) => isOne(view));
}

/** Whether an event is about what is asked for. */
function aboutTest(rule: GateRule, subject: GateSubject): (event: Candidate) => boolean {
  const fill = (pattern: string | undefined): string | undefined =>
    pattern?.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const value = subject[name];
      // In a pattern it would stand for any text.
      if (value?.includes('*')) throw new AuditorError('bad-argument', `--${name}: found a text with *, expected none`);
      if (value !== undefined) return value;
      throw new AuditorError('bad-argument', `rule ${rule.name} asks for {${name}}: give --${name}`);
    });
  const [target, commit, reference, environment] = [rule.target, rule.commit, rule.reference, rule.environment].map(
    fill,
  );
  const isTarget = compileFilter({ target: target === undefined ? undefined : [target] });
  return event =>
    isTarget(event.view) &&
    (commit === undefined || event.commit === commit) &&
    (reference === undefined || event.reference === reference) &&
    (environment === undefined || event.environment === environment);
}

function candidateOf(value: unknown): Candidate {
  const event = isRecord(value) ? value : {};
  const [actor, origin, change] = [event.actor, event.origin, event.change].map(part => (isRecord(part) ? part : {}));
  const roles = Array.isArray(actor?.roles) ? actor.roles.filter(role => typeof role === 'string') : [];
  return {
    view: viewOf(value),
    attribution: event.attribution,
    roles,
    commit: origin?.commit,
    environment: origin?.environment,
    reference: change?.reference,
    at: Number(event.occurredAt) / 1000,
  };
}
