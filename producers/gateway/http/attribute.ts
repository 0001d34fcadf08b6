/**
 * Puts the checked identity of a caller into an event. The caller is the actor, whatever the body says; somebody else named
 * there is the one on whose behalf the caller says that it acts, and an attribute tells that nobody checked it.
 */
import type { VerifiedIdentity } from '../../identity/index.ts';
import type { AuditInput } from '../../sdk/index.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Names the actors whom only the caller vouches for. */
const ASSERTED_ACTOR = 'gateway.asserted-actor';

/** The input for `record`; what is wrong in it is found there. `id`: for an event that has none. */
export function attributed(event: unknown, identity: VerifiedIdentity, id: string | undefined): AuditInput {
  // What is no object is passed on, and refused by `record`, which takes anything and throws nothing else.
  if (!isFields(event)) return event as unknown as AuditInput;
  const { actor: said, attributes, occurredAt, change } = event;
  const input = {
    ...event,
    ...(id !== undefined && isAbsent(event.id) ? { id } : {}),
    ...(isAbsent(change) && identity.change !== undefined ? { change: identity.change } : {}),
    occurredAt: typeof occurredAt === 'string' ? timeOf(occurredAt) : occurredAt,
    actor: actorOf(said, identity),
    attributes: isAbsent(attributes) || isFields(attributes) ? attributesOf(attributes, said, identity) : attributes,
  };
  return input as unknown as AuditInput;
}

function actorOf(said: unknown, { actor }: VerifiedIdentity): unknown {
  if (isAbsent(said) || isCaller(said, actor)) return actor;
  if (!isFields(said)) return said;
  const { onBehalfOf, ...delegator } = said;
  if (!isAbsent(onBehalfOf) && !Array.isArray(onBehalfOf)) return { ...actor, onBehalfOf };
  return { ...actor, onBehalfOf: [delegator, ...(onBehalfOf ?? []), ...actor.onBehalfOf] };
}

function attributesOf(attributes: unknown, said: unknown, identity: VerifiedIdentity): Fields {
  const { [ASSERTED_ACTOR]: _, ...rest } = isFields(attributes) ? attributes : {};
  const isOther = isFields(said) && !isCaller(said, identity.actor);
  return { ...rest, ...identity.attributes, ...(isOther ? { [ASSERTED_ACTOR]: said.id } : {}) };
}

/** Named by kind and id and nothing more; whoever says more of itself than was checked asserts it. */
function isCaller(said: unknown, caller: VerifiedIdentity['actor']): boolean {
  return isFields(said) && Object.keys(said).length === 2 && said.kind === caller.kind && said.id === caller.id;
}

/** JSON has no dates: an RFC 3339 time stands for one. Anything else is left for `record` to refuse. */
function timeOf(text: string): unknown {
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text);
  return isTime ? new Date(text) : text;
}

const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
