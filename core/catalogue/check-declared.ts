/**
 * Whether an event is one that its catalogue declares. What was denied or failed is always taken, whoever tried it and
 * however little is known: only what succeeded has to say all, and has to be done by who may do it.
 */
import type { AuditEvent } from '../../schemas/types.ts';
import type { EventProblem } from '../event/index.ts';
import { RESERVED_PREFIX } from '../event/index.ts';
import type { ActionDeclaration, Declarations } from './declaration.ts';

/** The rules of the catalogue that an event breaks; each problem names its rule, such as `account.close/required`. */
export function checkDeclared(event: AuditEvent, declarations: Declarations): EventProblem[] {
  const { action } = event;
  if (action.startsWith(RESERVED_PREFIX)) return [];
  const declaration = Object.hasOwn(declarations, action) ? declarations[action] : undefined;
  if (declaration === undefined) return [undeclared(action)];
  const problems = checkTargets(event, declaration);
  if (event.outcome !== 'success') return problems;
  return [...problems, ...checkRequired(event, declaration), ...checkWho(event, declaration)];
}

/** The problem of an action that no catalogue has. */
export function undeclared(action: string): EventProblem {
  return {
    field: 'action',
    found: JSON.stringify(action.slice(0, 64)),
    expected: 'an action that is declared',
    rule: 'declared',
  };
}

function checkTargets(
  { action, targets }: AuditEvent,
  { targets: types, personal }: ActionDeclaration,
): EventProblem[] {
  return targets.flatMap(({ type, person }, index): EventProblem[] => {
    const at = `targets[${index}]`;
    if (!types.includes(type)) {
      return [
        {
          field: `${at}.type`,
          found: JSON.stringify(type.slice(0, 64)),
          expected: types.join(', '),
          rule: `${action}/targets`,
        },
      ];
    }
    if (!person && personal?.includes(type)) {
      return [{ field: `${at}.person`, found: 'false', expected: `true for a ${type}`, rule: `${action}/personal` }];
    }
    return [];
  });
}

function checkRequired(event: AuditEvent, { required = [] }: ActionDeclaration): EventProblem[] {
  return required
    .filter(field => !isThere(event, field))
    .map(field => ({ field, found: 'nothing', expected: 'a value', rule: `${event.action}/required` }));
}

function checkWho({ action, actor }: AuditEvent, { by }: ActionDeclaration): EventProblem[] {
  const { kinds, roles } = by ?? {};
  if (actor === null) {
    const isFree = kinds === undefined && roles === undefined;
    return isFree ? [] : [{ field: 'actor', found: 'nothing', expected: 'who did it', rule: `${action}/by` }];
  }
  const problems: EventProblem[] = [];
  if (kinds !== undefined && !kinds.includes(actor.kind)) {
    problems.push({ field: 'actor.kind', found: actor.kind, expected: kinds.join(', '), rule: `${action}/by` });
  }
  if (roles !== undefined && !actor.roles.some(role => roles.includes(role))) {
    const found = `${actor.roles.length} other roles`;
    problems.push({ field: 'actor.roles', found, expected: `one of ${roles.join(', ')}`, rule: `${action}/by` });
  }
  return problems;
}

function isThere(event: AuditEvent, field: string): boolean {
  if (field.startsWith('attributes.')) {
    const key = field.slice('attributes.'.length);
    return event.attributes.some(attribute => attribute.key === key);
  }
  let value: unknown = field.startsWith('target.') ? event.targets[0] : event;
  for (const name of field.replace(/^target\./, '').split('.')) {
    value =
      typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  }
  return value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);
}
