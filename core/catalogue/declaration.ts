/**
 * A catalogue of actions: what a service may record, as a value and as a file. The file is JSON or YAML:
 *
 *     catalogue: 1
 *     actions:
 *       account.close:
 *         description: An account is closed for good
 *         targets: [account]
 *         required: [reason, attributes.ticket]
 *         by: { kinds: [human], roles: [support, admin] }
 *         criticality: high
 */
import { ACTION_RULE, isAction, LIMITS, RESERVED_PREFIX } from '../event/index.ts';

export type Criticality = 'low' | 'medium' | 'high' | 'critical';
type Kind = 'human' | 'machine' | 'agent';

/** What is declared of one action. */
export interface ActionDeclaration {
  /** What it does, for who reads the catalogue. */
  readonly description?: string | undefined;
  /** Types of the things that it may be done to: at least one. */
  readonly targets: readonly string[];
  /** What has to be there where it succeeds, such as `actor`, `reason`, `target.changes`, `attributes.ticket`. */
  readonly required?: readonly string[] | undefined;
  /** What is personal: types of targets that are persons, and fields such as `attributes.phone`. */
  readonly personal?: readonly string[] | undefined;
  /** Who may do it: kinds of actors, and roles of which one is enough. */
  readonly by?:
    | { readonly kinds?: readonly Kind[] | undefined; readonly roles?: readonly string[] | undefined }
    | undefined;
  readonly criticality?: Criticality | undefined;
}

export type Declarations = { readonly [action: string]: ActionDeclaration };

/** Something that is wrong with a catalogue. */
export interface CatalogueProblem {
  /** Where, such as `account.close: required[1]`; empty: the whole. */
  readonly where: string;
  readonly found: string;
  readonly expected: string;
}

export const FILE_VERSION = 1;
const CRITICALITIES: readonly unknown[] = ['low', 'medium', 'high', 'critical'];
const KINDS: readonly unknown[] = ['human', 'machine', 'agent'];
const PROPERTIES = ['description', 'targets', 'required', 'personal', 'by', 'criticality'];
const MAX_ACTIONS = 10_000;
/** Fields that can be demanded: an event's own, those of its main target, and attributes by their keys. */
const FIELD =
  /^(?:tenant|reason|corrects|actor(?:\.(?:name|email|session|roles|onBehalfOf|credential))?|request(?:\.(?:id|traceParent|clientAddress|userAgent))?|change(?:\.(?:reference|run|approval))?|target\.(?:name|changes)|attributes\..{1,512})$/u;
const FIELD_RULE = 'a field such as actor, tenant, reason, target.changes, change.approval or attributes.ticket';

type Fields = { readonly [name: string]: unknown };

/** What is wrong with the text of a catalogue's file, already parsed; its declarations where nothing is. */
export function readCatalogueFile(file: unknown): {
  readonly problems: CatalogueProblem[];
  readonly declarations: Declarations;
} {
  const problems: CatalogueProblem[] = [];
  if (!isFields(file) || file.catalogue !== FILE_VERSION || !isFields(file.actions)) {
    problems.push({
      where: '',
      found: 'something else',
      expected: `catalogue: ${FILE_VERSION}, and actions by their names`,
    });
    return { problems, declarations: {} };
  }
  const known = ['catalogue', 'actions'];
  for (const name of Object.keys(file)) if (!known.includes(name)) problems.push(unknownProperty('', name, known));
  problems.push(...checkDeclarations(file.actions));
  return { problems, declarations: file.actions as Declarations };
}

/** What is wrong with declarations, all at once. */
export function checkDeclarations(declarations: unknown): CatalogueProblem[] {
  if (!isFields(declarations)) return [{ where: '', found: 'no object', expected: 'actions by their names' }];
  const names = Object.keys(declarations);
  const problems: CatalogueProblem[] = [];
  if (names.length === 0 || names.length > MAX_ACTIONS) {
    problems.push({ where: '', found: `${names.length} actions`, expected: `1 to ${MAX_ACTIONS}` });
    return problems;
  }
  for (const name of names) checkDeclaration(name, declarations[name], problems);
  return problems;
}

function checkDeclaration(action: string, declaration: unknown, problems: CatalogueProblem[]): void {
  const wrong = (where: string, found: string, expected: string) =>
    void problems.push({ where: where === '' ? action : `${action}: ${where}`, found, expected });
  if (!isAction(action)) wrong('', 'another name', ACTION_RULE);
  else if (action.startsWith(RESERVED_PREFIX)) wrong('', 'an action of tidemark', 'one of your own');
  if (!isFields(declaration)) {
    wrong('', 'no object', `an object with ${PROPERTIES.join(', ')}`);
    return;
  }
  for (const name of Object.keys(declaration)) {
    if (!PROPERTIES.includes(name)) problems.push(unknownProperty(action, name, PROPERTIES));
  }
  const { description, targets, required, personal, by, criticality } = declaration;
  if (description !== undefined && typeof description !== 'string') wrong('description', typeof description, 'a text');
  const types = list(targets, 'targets', isIdentifier, 'the type of a thing, such as account', wrong);
  if (types.length === 0) wrong('targets', 'none', 'at least one type of things, such as account');
  list(required, 'required', one => typeof one === 'string' && FIELD.test(one), FIELD_RULE, wrong);
  const isPersonal = (one: unknown) =>
    types.includes(one) || (typeof one === 'string' && /^(?:attributes|changes)\../.test(one));
  list(personal, 'personal', isPersonal, 'one of the targets, attributes.… or changes.…', wrong);
  if (criticality !== undefined && !CRITICALITIES.includes(criticality))
    wrong('criticality', 'another word', CRITICALITIES.join(', '));
  if (by === undefined) return;
  if (!isFields(by)) wrong('by', 'no object', 'an object with kinds, roles');
  else {
    for (const name of Object.keys(by))
      if (name !== 'kinds' && name !== 'roles') wrong(`by.${name}`, 'an unknown property', 'kinds, roles');
    list(by.kinds, 'by.kinds', one => KINDS.includes(one), KINDS.join(', '), wrong);
    list(by.roles, 'by.roles', isIdentifier, 'a role', wrong);
  }
}

type Wrong = (where: string, found: string, expected: string) => void;

function list(value: unknown, where: string, is: (one: unknown) => boolean, expected: string, wrong: Wrong): unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    wrong(where, 'no list', `a list: ${expected}`);
    return [];
  }
  value.forEach((one, index) => {
    if (!is(one))
      wrong(`${where}[${index}]`, typeof one === 'string' ? JSON.stringify(one.slice(0, 64)) : typeof one, expected);
  });
  return value;
}

const unknownProperty = (action: string, name: string, known: readonly string[]): CatalogueProblem => ({
  where: action === '' ? name.slice(0, 64) : `${action}: ${name.slice(0, 64)}`,
  found: 'an unknown property',
  expected: known.join(', '),
});

const isIdentifier = (one: unknown): boolean =>
  typeof one === 'string' && one !== '' && one.length <= LIMITS.identifier;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
