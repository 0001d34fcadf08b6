// How an event's actor is known. A proof of source says who sent an event, not who acted: an actor is verified where the sender is proven
// and says that it checked the actor's credential, or is the actor itself. What it merely says stays asserted.

import type { Attribution, AuditEvent } from '../../../schemas/index.ts';
import type { SourceVerdict } from './judge-group.ts';

export function attribute({ actor }: AuditEvent, verdict: SourceVerdict): [Attribution, string] {
  if (verdict.proof === 'valid') {
    const { service, keyId } = verdict;
    const sent = `${service} proved by its key ${keyId} that it sent this`;
    if (actor === null) return ['anonymous', `${sent}; no actor is named`];
    const { kind, id, credential } = actor;
    if (credential !== null && credential.checkedAt !== null)
      return ['verified', `${sent}, and says that it checked the actor's credential`];
    if (kind === 'machine' && (id === service || id === `service/${service}`))
      return ['verified', `${sent}, and is the actor itself`];
    return ['asserted', `${sent}, and names the actor without a credential that it checked`];
  }
  if (actor === null) return ['anonymous', 'no actor is named'];
  const how = actor.credential === null ? ', without a credential' : ' and says that it checked a credential';
  const stranger = verdict.proof === 'unregistered' ? '; who signed it is not registered' : '';
  return ['asserted', `the producer names the actor${how}${stranger}`];
}
