// What a proof of source means for one event: who sent it, whether he may, and how its actor is known. Pure.

import { AUDIT_ACTIONS, RESERVED_PREFIX } from '../../../core/event/index.ts';
import type { Attribution, AuditEvent, Problem } from '../../../schemas/index.ts';
import { attribute } from './attribution.ts';
import { NO_PROOF, type SourceVerdict } from './judge-group.ts';
import type { Service, Services } from './services.ts';

/** Why a record is refused for its source; also a metric's label. */
export type SourceRefusalCode =
  | 'source-signature'
  | 'source-group'
  | 'source-event'
  | 'source-action'
  | 'source-missing';

export interface SourceRefusal {
  readonly code: SourceRefusalCode;
  /** Without anything from the record. */
  readonly message: string;
  readonly problems: readonly Problem[];
}

/** A refusal, or how the actor is known and why. */
export type SourceJudgement = SourceRefusal | readonly [Attribution, string];

type Proven = Extract<SourceVerdict, { proof: 'valid' }>;

/** Judges an event of any producer. `services` null: none are registered, and no proof is looked at. */
export function judgeSource(event: AuditEvent, verdict: SourceVerdict, services: Services | null): SourceJudgement {
  if (!services) return attribute(event, NO_PROOF);
  if (verdict.proof === 'wrong') return { code: verdict.code, message: verdict.message, problems: [] };
  const sender = verdict.proof === 'valid' ? services.get(verdict.service) : undefined;
  const named = event.origin === null ? sender : services.get(event.origin.service);
  if (verdict.proof !== 'valid') return missing(event, named) ?? notAllowed(event, named) ?? attribute(event, verdict);
  // Files may have been read again since the signature was checked: who is not registered any more has no say.
  if (!sender)
    return refusal('source-signature', 'found a proof of source by a service that is not registered any more');
  return (
    unlike(event, verdict, sender) ?? notAllowed(event, sender) ?? notAllowed(event, named) ?? attribute(event, verdict)
  );
}

function missing({ action }: AuditEvent, named: Service | undefined): SourceRefusal | null {
  if (named?.alwaysSigns) {
    return refusal(
      'source-missing',
      `found an event of ${named.name} without a proof of source, which that service always gives`,
    );
  }
  if (!isReserved(action)) return null;
  return refusal(
    'source-missing',
    `found an event of ${RESERVED_PREFIX}* without a proof of source, expected that of a service that may do it`,
  );
}

/** Anybody may say that an instance ends; the rest is about the archive itself. */
const isReserved = (action: string): boolean => action.startsWith(RESERVED_PREFIX) && action !== AUDIT_ACTIONS.close;

function notAllowed({ action }: AuditEvent, service: Service | undefined): SourceRefusal | null {
  if (!service || action === AUDIT_ACTIONS.close || service.mayDo(action)) return null;
  const expected = `one of those that ${service.name} is registered for`;
  return refusal('source-action', `found an action outside those of its service`, [
    { field: 'action', found: 'another action', expected },
  ]);
}

/** What the event says of where it comes from, against what was signed. */
function unlike({ origin, producer }: AuditEvent, { numbers }: Proven, sender: Service): SourceRefusal | null {
  const problems: Problem[] = [];
  if (origin !== null && !sender.maySpeakFor(origin.service)) {
    const expected = `${sender.name}, which signed it, or one that it may speak for`;
    problems.push({ field: 'origin.service', found: 'another service', expected });
  }
  if (numbers === null) {
    if (producer !== null) problems.push({ field: 'producer', found: 'a number', expected: 'none, as it was signed' });
  } else if (producer === null) {
    problems.push({ field: 'producer', found: 'nothing', expected: 'an instance and a number, as they were signed' });
  } else {
    const { instance, first, last } = numbers;
    if (producer.instance !== instance)
      problems.push({ field: 'producer.instance', found: 'another instance', expected: 'the one that was signed' });
    if (producer.sequence < first || producer.sequence > last)
      problems.push({
        field: 'producer.sequence',
        found: `${producer.sequence}`,
        expected: `${first} to ${last}, as it was signed`,
      });
  }
  if (problems.length === 0) return null;
  return refusal(
    'source-event',
    `found an event that says other things of its source than ${sender.name} signed`,
    problems,
  );
}

function refusal(code: SourceRefusalCode, message: string, problems: readonly Problem[] = []): SourceRefusal {
  return { code, message, problems };
}
