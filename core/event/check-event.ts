/**
 * What is a valid event, beyond what its schema says: asked by the SDK before it sends and by the normalizer before it
 * believes. Pure, total, and silent about what the event says (see problems.ts).
 */
import type { Actor, AuditEvent, Change, Origin, Producer, Request, Target } from '../../schemas/types.ts';
import { ACTION_RULE, AUDIT_ACTIONS, isAction } from './actions.ts';
import { checkValue } from './check-value.ts';
import { LIMITS } from './limits.ts';
import { describeText, type EventProblem, Problems } from './problems.ts';

export type { EventProblem } from './problems.ts';

/**
 * All rules that an event, decoded by its schema, breaks; empty where it is valid. `isPlain`: whoever read it has seen that its texts are
 * well formed and that none has a control character.
 */
export function checkEvent(event: AuditEvent, isPlain = false): EventProblem[] {
  const problems = new Problems(isPlain);
  problems.uuid(event.id, '', 'id');
  problems.time(event.occurredAt, '', 'occurredAt');
  if (!isAction(event.action)) problems.add('', 'action', describeText(event.action), ACTION_RULE);
  else if (event.action === AUDIT_ACTIONS.refuse) {
    problems.add('', 'action', AUDIT_ACTIONS.refuse, 'an action that is not reserved to the normalizer');
  }
  problems.identifier(event.tenant, '', 'tenant');
  if (event.actor !== null) checkActor(event.actor, problems);
  if (event.targets.length === 0) problems.add('', 'targets', 'no target', 'at least one');
  problems.atMost(event.targets.length, LIMITS.targets, '', 'targets');
  event.targets.forEach((target, index) => {
    problems.at[0] = index;
    checkTarget(target, problems, 'targets[].');
  });
  if (event.origin !== null) checkOrigin(event.origin, problems);
  if (event.producer !== null) checkProducer(event.producer, problems);
  if (event.request !== null) checkRequest(event.request, problems);
  if (event.change !== null) checkChange(event.change, problems);
  problems.text(event.reason, '', 'reason', LIMITS.text);
  problems.uuid(event.corrects, '', 'corrects');
  checkAttributes(event.attributes, problems);
  return problems.list;
}

function checkActor(actor: Actor, problems: Problems): void {
  const path = 'actor.';
  problems.identifier(actor.id, path, 'id');
  problems.text(actor.name, path, 'name', LIMITS.name);
  problems.text(actor.email, path, 'email', LIMITS.name);
  problems.text(actor.session, path, 'session', LIMITS.name);
  problems.atMost(actor.roles.length, LIMITS.roles, path, 'roles');
  actor.roles.forEach((role, index) => {
    problems.at[0] = index;
    problems.identifier(role, path, 'roles[]');
  });
  problems.atMost(actor.onBehalfOf.length, LIMITS.delegators, path, 'onBehalfOf');
  actor.onBehalfOf.forEach((delegator, index) => {
    problems.at[0] = index;
    problems.identifier(delegator.id, path, 'onBehalfOf[].id');
    problems.text(delegator.name, path, 'onBehalfOf[].name', LIMITS.name);
  });
  const { credential } = actor;
  if (credential === null) return;
  problems.identifier(credential.method, path, 'credential.method');
  problems.identifier(credential.issuer, path, 'credential.issuer');
  problems.text(credential.subject, path, 'credential.subject', LIMITS.name);
  problems.identifier(credential.keyId, path, 'credential.keyId');
  problems.time(credential.checkedAt, path, 'credential.checkedAt');
}

function checkTarget(target: Target, problems: Problems, path: string): void {
  problems.identifier(target.type, path, 'type');
  problems.identifier(target.id, path, 'id');
  problems.text(target.name, path, 'name', LIMITS.name);
  problems.atMost(target.changes.length, LIMITS.changes, path, 'changes');
  target.changes.forEach((change, index) => {
    problems.at[1] = index;
    problems.identifier(change.field, path, 'changes[].field');
    if (change.before !== null) checkValue(change.before, problems, path, 'changes[].before.text');
    if (change.after !== null) checkValue(change.after, problems, path, 'changes[].after.text');
    if (change.before === null && change.after === null) {
      problems.add(path, 'changes[]', 'neither before nor after', 'one of them at least');
    }
  });
}

function checkOrigin(origin: Origin, problems: Problems): void {
  problems.identifier(origin.service, 'origin.', 'service');
  problems.identifier(origin.version, 'origin.', 'version');
  problems.identifier(origin.commit, 'origin.', 'commit');
  problems.identifier(origin.environment, 'origin.', 'environment');
  problems.identifier(origin.region, 'origin.', 'region');
  problems.identifier(origin.host, 'origin.', 'host');
}

function checkProducer(producer: Producer, problems: Problems): void {
  const path = 'producer.';
  problems.identifier(producer.instance, path, 'instance');
  if (!(Number.isSafeInteger(producer.sequence) && producer.sequence >= 0)) {
    problems.add(path, 'sequence', 'a number out of range', 'a whole number from 0');
  }
  problems.atMost(producer.abandoned.length, LIMITS.abandoned, path, 'abandoned');
  producer.abandoned.forEach(({ first, last }, index) => {
    if (!(first >= 0 && first <= last && last < producer.sequence)) {
      problems.at[0] = index;
      problems.add(path, 'abandoned[]', 'a range out of order', 'first ≤ last, below the number of the event');
    }
  });
}

function checkRequest(request: Request, problems: Problems): void {
  problems.identifier(request.id, 'request.', 'id');
  problems.identifier(request.traceParent, 'request.', 'traceParent');
  problems.text(request.clientAddress, 'request.', 'clientAddress', LIMITS.name);
  problems.text(request.userAgent, 'request.', 'userAgent', LIMITS.name);
}

function checkChange(change: Change, problems: Problems): void {
  problems.identifier(change.perimeter, 'change.', 'perimeter');
  problems.identifier(change.reference, 'change.', 'reference');
  problems.identifier(change.run, 'change.', 'run');
  problems.identifier(change.approval, 'change.', 'approval');
}

function checkAttributes(attributes: AuditEvent['attributes'], problems: Problems): void {
  problems.atMost(attributes.length, LIMITS.attributes, '', 'attributes');
  const keys = attributes.length > fewAttributes ? new Set<string>() : null;
  attributes.forEach(({ key, value }, index) => {
    const path = 'attributes[].';
    problems.at[0] = index;
    problems.identifier(key, path, 'key');
    if (keys?.has(key) ?? isAmong(key, attributes, index))
      problems.add(path, 'key', 'a key for the second time', 'a key at most once');
    keys?.add(key);
    checkValue(value, problems, path, 'value.text');
  });
}

/** Up to so many, comparing each with all before it costs less than a set of them. */
const fewAttributes = 8;

function isAmong(key: string, attributes: AuditEvent['attributes'], before: number): boolean {
  for (let index = 0; index < before; index++) if (attributes[index]?.key === key) return true;
  return false;
}
