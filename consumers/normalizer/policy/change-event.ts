// A change of policy as an audit event: sent through the raw topic like any other, so that the archive says since when which policy was
// in force, and what it said. The text goes along up to the limit of a value; its digest is always there.

import { v7 as uuidv7 } from 'uuid';
import { AUDIT_ACTIONS, LIMITS } from '../../../core/event/index.ts';
import type { AuditEvent, Value } from '../../../schemas/index.ts';
import type { PolicyError } from './error.ts';
import type { LoadedPolicy } from './policy.ts';

/** `from` is null at the start of an instance. A file that is broken is a change that failed. */
export type PolicyChange =
  | { readonly from: LoadedPolicy | null; readonly to: LoadedPolicy }
  | { readonly from: LoadedPolicy; readonly broken: PolicyError };

export interface PolicyChangePlace {
  /** The group of the normalizer. */
  readonly service: string;
  readonly host: string;
  readonly nowMs: number;
}

/** The event of a change of policy, for the raw topic. */
export function policyChangeEvent(change: PolicyChange, { service, host, nowMs }: PolicyChangePlace): AuditEvent {
  const to = 'to' in change ? change.to : null;
  const { from } = change;
  return {
    id: uuidv7(),
    occurredAt: nowMs * 1000,
    action: AUDIT_ACTIONS.policy,
    outcome: to === null ? 'failure' : 'success',
    tenant: null,
    actor: {
      kind: 'machine',
      id: service,
      name: null,
      email: null,
      roles: [],
      session: null,
      onBehalfOf: [],
      credential: null,
    },
    targets: [
      {
        type: 'policy',
        id: 'normalizer',
        name: null,
        person: false,
        changes:
          to === null
            ? []
            : [
                { field: 'digest', before: from && textValue(from.digest), after: textValue(to.digest) },
                ...(to.text.length <= LIMITS.text ? [{ field: 'text', before: null, after: textValue(to.text) }] : []),
              ],
      },
    ],
    origin: { service, version: null, commit: null, environment: null, region: null, host },
    producer: null,
    request: null,
    change: { perimeter: 'configuration', reference: null, run: null, approval: null },
    reason: reasonOf(change),
    corrects: null,
    attributes: 'broken' in change ? brokenAttributes(change.broken, change.from) : [],
  };
}

const textValue = (text: string): Value => ({ type: 'string', text });

function reasonOf(change: PolicyChange): string {
  if ('broken' in change) return 'the policy file is broken; the policy before it stays in force';
  return change.from === null ? 'the normalizer has started' : 'the policy file has changed';
}

function brokenAttributes({ code, problems }: PolicyError, inForce: LoadedPolicy): AuditEvent['attributes'] {
  const lines = problems.flatMap(({ line }) => line ?? []).slice(0, 100);
  return [
    { key: 'problem.code', value: textValue(code) },
    { key: 'problem.count', value: { type: 'integer', text: `${problems.length}` } },
    { key: 'problem.lines', value: { type: 'json', text: JSON.stringify(lines) } },
    { key: 'policy.in-force', value: textValue(inForce.digest) },
  ];
}
