/**
 * Turns what a caller wrote into an AuditEvent, or into an error that names each field that is wrong. The rules on the
 * result are core/event's, which the normalizer asks again; here are those on the caller's side of it: types, unknown
 * properties, defaults.
 */
import { checkDeclared, type Declarations, undeclared } from '../../core/catalogue/index.ts';
import {
  ACTION_RULE,
  AUDIT_ACTIONS,
  checkEvent,
  type EventProblem,
  isAction,
  LIMITS,
  RESERVED_PREFIX,
} from '../../core/event/index.ts';
import type {
  Actor,
  ActorKind,
  AuditEvent,
  Change,
  Credential,
  Delegator,
  FieldChange,
  Origin,
  Outcome,
  Request,
  Target,
} from '../../schemas/types.ts';
import { completeTargets } from './actions.ts';
import { invalidEvent } from './error.ts';
import { describe, type Fields, isAbsent, join, quote, Reading } from './reading.ts';
import { type AuditScope, inScope } from './scope.ts';
import { readValue } from './value.ts';

/** What the auditor stamps where the caller says nothing. */
export interface Stamps {
  readonly origin: Origin;
  /** New id for an event. */
  id(): string;
  /** Microseconds since 1970. */
  now(): number;
  /** May record actions of tidemark itself. */
  readonly reserved: boolean;
  /** What the event has in common with others of its request or job. */
  readonly scope?: AuditScope | undefined;
  /** The active span. */
  readonly traceParent?: string | undefined;
  /** The actions that may be recorded; any, where none are declared. */
  readonly declarations?: Declarations | undefined;
}

const OUTCOMES: readonly [Outcome, ...Outcome[]] = ['success', 'denied', 'failure'];
const KINDS: readonly [ActorKind, ...ActorKind[]] = ['human', 'machine', 'agent'];
const EVENT = [
  'action',
  'target',
  'targets',
  'outcome',
  'id',
  'occurredAt',
  'tenant',
  'actor',
  'origin',
  'request',
  'change',
  'reason',
  'corrects',
  'attributes',
];
/** 2000-01-01 in microseconds: a smaller number is one of milliseconds or seconds. */
const YEAR_2000 = 946_684_800_000_000;

/** The event that an input says, without its number. Throws AuditError with code invalid-event. */
export function readInput(input: unknown, stamps: Stamps): AuditEvent {
  const reading = new Reading();
  const said = reading.object(input, '', EVENT);
  if (said === undefined) throw invalidEvent(reading.problems);
  const { declarations } = stamps;
  const inContext = inScope(said, stamps.scope, stamps.traceParent);
  const fields = declarations === undefined ? inContext : completeTargets(inContext, declarations);
  const event: AuditEvent = {
    id: reading.optionalText(fields, 'id', '') ?? stamps.id(),
    occurredAt: readTime(fields.occurredAt, 'occurredAt', reading) ?? stamps.now(),
    action: readAction(fields, reading, stamps.reserved),
    outcome: isAbsent(fields.outcome) ? 'success' : reading.oneOf(fields, 'outcome', '', OUTCOMES),
    tenant: reading.optionalText(fields, 'tenant', ''),
    actor: readActor(fields.actor, reading),
    targets: readTargets(fields, reading),
    origin: readOrigin(fields.origin, reading) ?? stamps.origin,
    producer: null,
    request: readRequest(fields.request, reading),
    change: readChange(fields.change, reading),
    reason: reading.optionalText(fields, 'reason', ''),
    corrects: reading.optionalText(fields, 'corrects', ''),
    attributes: readAttributes(fields.attributes, reading),
  };
  if (declarations !== undefined && reading.problems.length > 0) tellUndeclared(event.action, declarations, reading);
  // Rules are asked only of what could be read: a missing id is told once, not also as an empty one.
  const problems =
    reading.problems.length > 0 ? reading.problems : inCallersWords(checkAll(event, declarations), fields);
  if (problems.length > 0) throw invalidEvent(problems);
  return event;
}

/** What else is wrong with an action that is not declared follows from that: a type that nobody could fill in. */
function tellUndeclared(action: string, declarations: Declarations, reading: Reading): void {
  const isOther = action === '' || Object.hasOwn(declarations, action) || action.startsWith(RESERVED_PREFIX);
  if (!isOther) reading.problems.unshift(undeclared(action));
}

function checkAll(event: AuditEvent, declarations: Declarations | undefined): EventProblem[] {
  const problems = checkEvent(event);
  return declarations === undefined ? problems : [...problems, ...checkDeclared(event, declarations)];
}

/** A caller that wrote `target` reads `target.id`, not `targets[0].id`. */
function inCallersWords(problems: EventProblem[], fields: Fields): EventProblem[] {
  if (isAbsent(fields.target)) return problems;
  return problems.map(problem => ({ ...problem, field: problem.field.replace(/^targets\[0\]/, 'target') }));
}

function readAction(fields: Fields, reading: Reading, reserved: boolean): string {
  const action = reading.text(fields, 'action', '');
  if (typeof fields.action !== 'string') return action;
  if (!isAction(action)) reading.problems.push({ field: 'action', found: quote(action), expected: ACTION_RULE });
  else if (action.startsWith(RESERVED_PREFIX) && (!reserved || action === AUDIT_ACTIONS.refuse)) {
    const expected = `an action of your own: those of ${RESERVED_PREFIX} are tidemark's`;
    reading.problems.push({ field: 'action', found: quote(action), expected });
  }
  return action;
}

function readTime(value: unknown, path: string, reading: Reading): number | null {
  if (isAbsent(value)) return null;
  const micros =
    value instanceof Date ? value.getTime() * 1000 : Number(typeof value === 'bigint' ? value : Number.NaN);
  const time = typeof value === 'number' ? value : micros;
  if (Number.isSafeInteger(time) && time >= YEAR_2000) return time;
  const found =
    typeof value === 'number' && Number.isFinite(value) ? 'a number too small or not whole' : describe(value);
  reading.problems.push({
    field: path,
    found,
    expected: 'a Date, or whole microseconds since 1970, from the year 2000',
  });
  return null;
}

function readTargets(fields: Fields, reading: Reading): Target[] {
  if (isAbsent(fields.targets)) {
    const target = isAbsent(fields.target) ? undefined : readTarget(fields.target, 'target', reading);
    if (isAbsent(fields.target)) reading.wrong('target', fields.target, 'a target with type and id');
    return target === undefined ? [] : [target];
  }
  if (!isAbsent(fields.target)) reading.wrong('target', fields.target, 'either target or targets, not both');
  return reading.list(fields.targets, 'targets', LIMITS.targets, (element, path) => readTarget(element, path, reading));
}

function readTarget(value: unknown, path: string, reading: Reading): Target | undefined {
  const fields = reading.object(value, path, ['type', 'id', 'name', 'person', 'changes']);
  return (
    fields && {
      type: reading.text(fields, 'type', path),
      id: reading.text(fields, 'id', path),
      name: reading.optionalText(fields, 'name', path),
      person: reading.optionalBoolean(fields, 'person', path),
      changes: reading.list(fields.changes, join(path, 'changes'), LIMITS.changes, (element, at) =>
        readFieldChange(element, at, reading),
      ),
    }
  );
}

function readFieldChange(value: unknown, path: string, reading: Reading): FieldChange | undefined {
  const fields = reading.object(value, path, ['field', 'before', 'after']);
  if (fields === undefined) return undefined;
  // Here null is a value, not an absence: a field that was null differs from one that was not there.
  const { before, after } = fields;
  return {
    field: reading.text(fields, 'field', path),
    before: before === undefined ? null : readValue(before, join(path, 'before'), reading),
    after: after === undefined ? null : readValue(after, join(path, 'after'), reading),
  };
}

function readActor(value: unknown, reading: Reading): Actor | null {
  const path = 'actor';
  const names = ['kind', 'id', 'name', 'email', 'roles', 'session', 'onBehalfOf', 'credential'];
  const fields = reading.optionalObject(value, path, names);
  return (
    fields && {
      kind: reading.oneOf(fields, 'kind', path, KINDS),
      id: reading.text(fields, 'id', path),
      name: reading.optionalText(fields, 'name', path),
      email: reading.optionalText(fields, 'email', path),
      roles: reading.list(fields.roles, 'actor.roles', LIMITS.roles, (role, at) => {
        if (typeof role === 'string') return role;
        reading.wrong(at, role, 'a text');
        return undefined;
      }),
      session: reading.optionalText(fields, 'session', path),
      onBehalfOf: reading.list(fields.onBehalfOf, 'actor.onBehalfOf', LIMITS.delegators, (element, at) =>
        readDelegator(element, at, reading),
      ),
      credential: readCredential(fields.credential, reading),
    }
  );
}

function readDelegator(value: unknown, path: string, reading: Reading): Delegator | undefined {
  const fields = reading.object(value, path, ['kind', 'id', 'name']);
  return (
    fields && {
      kind: reading.oneOf(fields, 'kind', path, KINDS),
      id: reading.text(fields, 'id', path),
      name: reading.optionalText(fields, 'name', path),
    }
  );
}

function readCredential(value: unknown, reading: Reading): Credential | null {
  const path = 'actor.credential';
  const fields = reading.optionalObject(value, path, ['method', 'issuer', 'subject', 'keyId', 'checkedAt']);
  return (
    fields && {
      method: reading.text(fields, 'method', path),
      issuer: reading.optionalText(fields, 'issuer', path),
      subject: reading.optionalText(fields, 'subject', path),
      keyId: reading.optionalText(fields, 'keyId', path),
      checkedAt: readTime(fields.checkedAt, 'actor.credential.checkedAt', reading),
    }
  );
}

function readOrigin(value: unknown, reading: Reading): Origin | null {
  const path = 'origin';
  const names = ['service', 'version', 'commit', 'environment', 'region', 'host'];
  const fields = reading.optionalObject(value, path, names);
  return (
    fields && {
      service: reading.text(fields, 'service', path),
      version: reading.optionalText(fields, 'version', path),
      commit: reading.optionalText(fields, 'commit', path),
      environment: reading.optionalText(fields, 'environment', path),
      region: reading.optionalText(fields, 'region', path),
      host: reading.optionalText(fields, 'host', path),
    }
  );
}

function readRequest(value: unknown, reading: Reading): Request | null {
  const path = 'request';
  const fields = reading.optionalObject(value, path, ['id', 'traceParent', 'clientAddress', 'userAgent']);
  return (
    fields && {
      id: reading.optionalText(fields, 'id', path),
      traceParent: reading.optionalText(fields, 'traceParent', path),
      clientAddress: reading.optionalText(fields, 'clientAddress', path),
      userAgent: reading.optionalText(fields, 'userAgent', path),
    }
  );
}

function readChange(value: unknown, reading: Reading): Change | null {
  const path = 'change';
  const fields = reading.optionalObject(value, path, ['perimeter', 'reference', 'run', 'approval']);
  return (
    fields && {
      perimeter: reading.text(fields, 'perimeter', path),
      reference: reading.optionalText(fields, 'reference', path),
      run: reading.optionalText(fields, 'run', path),
      approval: reading.optionalText(fields, 'approval', path),
    }
  );
}

function readAttributes(value: unknown, reading: Reading): AuditEvent['attributes'] {
  if (isAbsent(value)) return [];
  if (typeof value !== 'object' || Array.isArray(value)) {
    reading.wrong('attributes', value, 'an object of keys and values');
    return [];
  }
  const keys = Object.keys(value);
  if (keys.length > LIMITS.attributes) {
    reading.problems.push({
      field: 'attributes',
      found: `${keys.length} keys`,
      expected: `at most ${LIMITS.attributes}`,
    });
    return [];
  }
  const source = value as Fields;
  return keys.flatMap(key => {
    const attribute = source[key];
    const path = join('attributes', /^[\w.-]{1,64}$/.test(key) ? key : '(key)');
    return attribute === undefined ? [] : [{ key, value: readValue(attribute, path, reading) }];
  });
}
