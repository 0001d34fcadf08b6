/**
 * Declared actions: a typed catalogue from which `record` completes and checks what it is told. The catalogue as JSON is
 * the file that other programs read: `JSON.stringify(actions)`.
 */
import {
  type CatalogueProblem,
  checkDeclarations,
  type Declarations,
  FILE_VERSION,
  readCatalogueFile,
} from '../../core/catalogue/index.ts';
import { AuditError } from './error.ts';
import type { EventFields, TargetInput } from './input.ts';

/** A catalogue, as `createAuditor` takes it. */
export interface Actions<A extends Declarations = Declarations> {
  readonly declarations: A;
  /** The catalogue's file. */
  toJSON(): object;
}

/** What may be recorded where actions are declared: these actions, on things of their types. */
export type DeclaredInput<A extends Declarations> = {
  [K in keyof A & string]: Omit<EventFields, 'action'> & { readonly action: K } & DeclaredTargets<A[K]['targets']>;
}[keyof A & string];

type DeclaredTargets<T extends readonly string[]> =
  | { readonly target: DeclaredTarget<T>; readonly targets?: undefined }
  | { readonly targets: readonly DeclaredTarget<T>[]; readonly target?: undefined };

/** Where there is one type only, it need not be said. */
type DeclaredTarget<T extends readonly string[]> = Omit<TargetInput, 'type'> &
  (T extends readonly [infer Only] ? { readonly type?: Only } : { readonly type: T[number] });

/** Declares the actions of a service. Throws AuditError with code invalid-options, all problems in one message. */
export function defineActions<const A extends Declarations>(declarations: A): Actions<A> {
  refuse(checkDeclarations(declarations));
  return catalogueOf(declarations);
}

/** The catalogue of a file, already parsed: `actionsFrom(JSON.parse(text))`. Throws as `defineActions` does. */
export function actionsFrom(file: unknown): Actions {
  const { problems, declarations } = readCatalogueFile(file);
  refuse(problems);
  return catalogueOf(declarations);
}

type Fields = { readonly [name: string]: unknown };

/** Fills in what the catalogue knows better than the caller: the only type of a target, and that it is a person. */
export function completeTargets(fields: Fields, declarations: Declarations): Fields {
  const { action } = fields;
  const declaration =
    typeof action === 'string' && Object.hasOwn(declarations, action) ? declarations[action] : undefined;
  if (declaration === undefined) return fields;
  const [only, ...others] = declaration.targets;
  const complete = (target: unknown): unknown => {
    if (typeof target !== 'object' || target === null || Array.isArray(target)) return target;
    const { type, ...rest } = target as Fields;
    const known = type ?? (others.length === 0 ? only : undefined);
    const isPerson = rest.person === undefined && declaration.personal?.includes(String(known)) === true;
    return { type: known, ...rest, ...(isPerson && { person: true }) };
  };
  if (Array.isArray(fields.targets)) return { ...fields, targets: fields.targets.map(complete) };
  return fields.target === undefined ? fields : { ...fields, target: complete(fields.target) };
}

function catalogueOf<A extends Declarations>(declarations: A): Actions<A> {
  // A copy: what was checked is what holds.
  const own = structuredClone(declarations);
  return { declarations: own, toJSON: () => ({ catalogue: FILE_VERSION, actions: own }) };
}

function refuse(problems: readonly CatalogueProblem[]): void {
  if (problems.length === 0) return;
  const told = problems.map(
    ({ where, found, expected }) => `${where === '' ? '' : `${where}: `}found ${found}, expected ${expected}`,
  );
  throw new AuditError('invalid-options', `Invalid actions: ${told.join('; ')}`);
}
