// A policy in force: what it says of a record. Pure. Every rule whose actions match holds, whatever their order: demands add up, and of
// several outcomes the strictest counts. So no rule can weaken another by where it stands; what is not to hold for an action is
// said in `except`.

import { hash } from 'node:crypto';
import { ownText } from '../../../core/edge/own-text.ts';
import { AUDIT_ACTIONS } from '../../../core/event/index.ts';
import { createDetector } from '../../../core/masking/index.ts';
import type { Attribution, AuditRecord, EventBytes, Flag, Policy, Problem } from '../../../schemas/index.ts';
import { compileGlobs } from '../glob.ts';
import {
  IDENTITIES,
  OUTCOMES,
  type PolicyExample,
  type PolicyFile,
  type PolicyOutcome,
  readPolicyFile,
} from './file.ts';
import { type MaskPlan, maskRecord } from './masker.ts';
import { type FieldPath, isThere } from './path.ts';

/** Why a policy refuses; also a metric's label. */
export type PolicyRefusalCode = 'policy-identity' | 'policy-fields' | 'policy-action';

export interface PolicyRefusal {
  readonly code: PolicyRefusalCode;
  /** Without anything from the record. */
  readonly message: string;
  readonly problems: Problem[];
}

export interface PolicyDecision {
  /** Masked, flagged, and with `policy` filled in; also where it is refused. */
  readonly record: AuditRecord;
  /** Something of the event is not what it was. */
  readonly masked: boolean;
  readonly refuse: PolicyRefusal | null;
}

export interface LoadedPolicy {
  /** Hex SHA-256 of the file's bytes. */
  readonly digest: string;
  /** The file's text. */
  readonly text: string;
  readonly rules: number;
  readonly examples: readonly PolicyExample[];
  /** `bytes`: those of the record's event, where they say what it does; with them it takes less time. */
  apply(record: AuditRecord, bytes?: EventBytes | null): PolicyDecision;
}

/** In force where none is configured: everything is accepted, well-known secrets and card numbers are masked. */
export const DEFAULT_POLICY = 'version: 1\nmask:\n  secrets: true\n  cards: true\nrules: []\n';

/** Parses and compiles the text of a policy file; throws PolicyError with all that is wrong. */
export function parsePolicyFile(text: string, name = 'policy'): LoadedPolicy {
  const file = readPolicyFile(text, name);
  const digest = hash('sha256', text, 'hex');
  const planOf = cached(compile(file, digest));
  return {
    digest,
    text,
    rules: file.rules.length,
    examples: file.examples,
    apply: (record, bytes = null) => decide(record, planOf(record.action), bytes),
  };
}

/** A demand that a record may not meet. */
interface Demand {
  readonly rule: string;
  readonly identity: Attribution;
  readonly fields: readonly FieldPath[];
  readonly otherwise: PolicyOutcome;
}

/** All that a policy says of an action. */
interface Plan {
  readonly policy: Policy;
  readonly demands: readonly Demand[];
  /** Rules that flag or refuse the action as such. */
  readonly verdicts: readonly { readonly rule: string; readonly outcome: PolicyOutcome }[];
  readonly masks: MaskPlan;
  /** The action's own name holds what would be masked, and can't be: it is what everything is found by. */
  readonly isSecret: boolean;
}

function compile(file: PolicyFile, digest: string): (action: string) => Plan {
  const rules = file.rules.map(rule => {
    const included = compileGlobs(rule.actions);
    const excluded = compileGlobs(rule.except ?? []);
    return { ...rule, matches: (action: string) => included(action) && !excluded(action) };
  });
  const own = new Set<string>(Object.values(AUDIT_ACTIONS));
  return action => {
    // A rule that is too wide must not refuse what seals idle partitions or ends an instance's numbers.
    const matching = own.has(action) ? [] : rules.filter(rule => rule.matches(action));
    const secrets = file.mask.secrets || matching.some(({ mask }) => mask?.secrets);
    const cards = file.mask.cards || matching.some(({ mask }) => mask?.cards);
    const patterns = [...file.mask.patterns, ...matching.flatMap(({ mask }) => mask?.patterns ?? [])];
    const detector = createDetector({ secrets, cards, patterns });
    return {
      policy: { digest, rules: matching.map(({ name }) => name) },
      demands: matching
        .filter(({ identity, require }) => identity !== 'anonymous' || require.length > 0)
        .map(({ name, identity, require, otherwise }) => ({
          rule: name,
          identity,
          fields: require,
          otherwise: otherwise ?? 'refuse',
        })),
      verdicts: matching
        .filter(({ outcome }) => outcome !== 'accept')
        .map(({ name, outcome }) => ({ rule: name, outcome })),
      masks: {
        detector,
        instanceDetector: createDetector({ secrets, cards: false, patterns: [] }),
        fields: matching.flatMap(({ name, mask }) => (mask?.fields ?? []).map(path => ({ rule: name, path }))),
      },
      isSecret: detector.mask(action) !== null,
    };
  };
}

/** Producers make actions up, so what is remembered of them is bounded. */
const maxActions = 2000;

function cached(planOf: (action: string) => Plan): (action: string) => Plan {
  const plans = new Map<string, Plan>();
  return action => {
    const known = plans.get(action);
    if (known !== undefined) return known;
    const plan = planOf(action);
    if (plans.size >= maxActions) plans.clear();
    plans.set(ownText(action), plan);
    return plan;
  };
}

function decide(record: AuditRecord, plan: Plan, bytes: EventBytes | null): PolicyDecision {
  const { policy, masks } = plan;
  const findings: RuleFinding[] = [];
  if (record.refused === null) {
    findUnmet(record, plan.demands, findings);
    judge(plan, findings);
  }
  const masked = maskRecord(record, masks, bytes);
  if (findings.length === 0) return { record: { ...masked, policy }, masked: masked !== record, refuse: null };
  const refusals = findings.filter(({ outcome }) => outcome === 'refuse');
  const flags = findings.filter(({ outcome }) => outcome === 'flag').map(toFlag);
  return {
    record: { ...masked, policy, flags: flags.length === 0 ? masked.flags : [...masked.flags, ...flags] },
    masked: masked !== record,
    refuse: refusalOf(refusals),
  };
}

/** What a rule finds in a record. */
interface RuleFinding {
  readonly rule: string;
  readonly outcome: PolicyOutcome;
  readonly code: PolicyRefusalCode;
  readonly message: string;
  readonly field: string | null;
  readonly problem: Problem | null;
}

function findUnmet(record: AuditRecord, demands: readonly Demand[], findings: RuleFinding[]): void {
  for (const { rule, identity, fields, otherwise } of demands) {
    const { attribution } = record;
    if (IDENTITIES.indexOf(attribution) < IDENTITIES.indexOf(identity)) {
      const message = `rule ${rule} demands an identity that is ${identity}, found one that is ${attribution}`;
      const problem = { field: 'actor', found: attribution, expected: `${identity}: rule ${rule}` };
      findings.push({ rule, outcome: otherwise, code: 'policy-identity', message, field: 'actor', problem });
    }
    for (const path of fields) {
      if (isThere(record, path)) continue;
      const message = `rule ${rule} demands the field ${path.text}, found nothing`;
      const problem = { field: path.text, found: 'nothing', expected: `a value: rule ${rule}` };
      findings.push({ rule, outcome: otherwise, code: 'policy-fields', message, field: path.text, problem });
    }
  }
}

function judge({ verdicts, isSecret }: Plan, findings: RuleFinding[]): void {
  if (isSecret) {
    const message = 'found an action that holds a secret or a card number, expected a name';
    const problem = { field: 'action', found: 'what would be masked', expected: 'a name' };
    findings.push({ rule: '', outcome: 'refuse', code: 'policy-action', message, field: 'action', problem });
  }
  for (const { rule, outcome } of verdicts) {
    const message = `rule ${rule} ${outcome}s this action`;
    findings.push({ rule, outcome, code: 'policy-action', message, field: null, problem: null });
  }
}

const toFlag = ({ code, field, message }: RuleFinding): Flag => ({ code, field, note: message });

function refusalOf(findings: readonly RuleFinding[]): PolicyRefusal | null {
  const [first] = findings;
  if (first === undefined) return null;
  const { length } = findings;
  const more = length > 1 ? `, and ${length - 1} more, listed by field` : '';
  return {
    code: first.code,
    message: `${first.message}${more}`,
    problems: findings.flatMap(({ problem }) => problem ?? []),
  };
}

/** What became of a record: the word that examples expect. */
export function outcomeOf({ record, refuse }: PolicyDecision): PolicyOutcome {
  if (refuse !== null) return OUTCOMES[2];
  return record.flags.some(({ code }) => code.startsWith('policy-')) ? OUTCOMES[1] : OUTCOMES[0];
}
