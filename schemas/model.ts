/**
 * An Avro schema as a tree of values, with its names resolved (Avro 1.12 specification, "Schema Declaration").
 * What generates types, checks our rules and compares versions walks this tree. A named type is one object wherever
 * it is used, so a walk that may meet a recursive type keeps a set of those that it has seen.
 */
export interface Field {
  readonly name: string;
  readonly doc: string;
  readonly type: Model;
  /** Undefined where the field has none: JSON has no undefined, so nothing is lost. */
  readonly default: unknown;
  readonly tags: readonly string[];
}

export interface RecordModel {
  readonly kind: 'record';
  readonly name: string;
  readonly doc: string;
  readonly fields: Field[];
}

export interface EnumModel {
  readonly kind: 'enum';
  readonly name: string;
  readonly doc: string;
  readonly symbols: readonly string[];
  readonly default: string | undefined;
}

export type Model =
  | { readonly kind: 'primitive'; readonly name: string; readonly logicalType: string | undefined }
  | { readonly kind: 'array'; readonly items: Model }
  | { readonly kind: 'map'; readonly values: Model }
  | { readonly kind: 'union'; readonly branches: readonly Model[] }
  | { readonly kind: 'fixed'; readonly name: string; readonly size: number }
  | RecordModel
  | EnumModel;

const PRIMITIVES: ReadonlySet<string> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
]);

/** Parses a schema's text; throws a SyntaxError or a TypeError where it is not one. */
export function parseModel(text: string): Model {
  return build(JSON.parse(text), '', new Map());
}

/** As parseModel, for a schema that has to be a record. */
export function parseRecordModel(text: string): RecordModel {
  const model = parseModel(text);
  if (model.kind !== 'record') throw new TypeError(`Found a schema of kind ${model.kind}, expected a record`);
  return model;
}

/** A name that tells two branches of a union apart. */
export function branchName(model: Model): string {
  return model.kind === 'primitive' || model.kind === 'record' || model.kind === 'enum' || model.kind === 'fixed'
    ? model.name
    : model.kind;
}

/** All records and enums below a model, each once, in order of appearance. */
export function namedModels(root: Model): (RecordModel | EnumModel)[] {
  const found = new Set<RecordModel | EnumModel>();
  const visit = (model: Model): void => {
    if (model.kind === 'array') visit(model.items);
    else if (model.kind === 'map') visit(model.values);
    else if (model.kind === 'union') model.branches.forEach(visit);
    else if ((model.kind === 'record' || model.kind === 'enum') && !found.has(model)) {
      found.add(model);
      if (model.kind === 'record') for (const field of model.fields) visit(field.type);
    }
  };
  visit(root);
  return [...found];
}

function build(schema: unknown, namespace: string, names: Map<string, Model>): Model {
  if (typeof schema === 'string') return reference(schema, namespace, names);
  if (Array.isArray(schema)) {
    return { kind: 'union', branches: schema.map(branch => build(branch, namespace, names)) };
  }
  if (!isObject(schema)) throw new TypeError(`Found ${JSON.stringify(schema)}, expected an Avro schema`);
  switch (schema.type) {
    case 'array':
      return { kind: 'array', items: build(schema.items, namespace, names) };
    case 'map':
      return { kind: 'map', values: build(schema.values, namespace, names) };
    case 'record':
    case 'error':
    case 'enum':
    case 'fixed':
      return buildNamed(schema, namespace, names);
    default:
      return typeof schema.type === 'string' && PRIMITIVES.has(schema.type)
        ? { kind: 'primitive', name: schema.type, logicalType: text(schema.logicalType) }
        : build(schema.type, namespace, names);
  }
}

function buildNamed(schema: Record<string, unknown>, enclosing: string, names: Map<string, Model>): Model {
  const given = text(schema.name) ?? '';
  const name = given.includes('.') ? given : qualify(given, text(schema.namespace) ?? enclosing);
  const namespace = name.slice(0, Math.max(0, name.lastIndexOf('.')));
  const doc = text(schema.doc) ?? '';
  if (schema.type === 'fixed') return define({ kind: 'fixed', name, size: Number(schema.size) }, names);
  if (schema.type === 'enum') {
    const symbols = list(schema.symbols).map(String);
    return define({ kind: 'enum', name, doc, symbols, default: text(schema.default) }, names);
  }
  const fields: Field[] = [];
  const record = define({ kind: 'record', name, doc, fields }, names);
  for (const field of list(schema.fields)) {
    if (!isObject(field)) throw new TypeError(`Found ${JSON.stringify(field)} in ${name}, expected a field`);
    fields.push({
      name: text(field.name) ?? '',
      doc: text(field.doc) ?? '',
      type: build(field.type, namespace, names),
      default: field.default,
      tags: list(field['confluent:tags'] ?? []).map(String),
    });
  }
  return record;
}

function define<M extends Model & { name: string }>(model: M, names: Map<string, Model>): M {
  names.set(model.name, model);
  return model;
}

function reference(name: string, namespace: string, names: Map<string, Model>): Model {
  if (PRIMITIVES.has(name)) return { kind: 'primitive', name, logicalType: undefined };
  const model = names.get(name.includes('.') ? name : qualify(name, namespace)) ?? names.get(name);
  if (model === undefined) throw new TypeError(`Found the name ${name}, expected one that is defined before`);
  return model;
}

const qualify = (name: string, namespace: string): string => (namespace === '' ? name : `${namespace}.${name}`);
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
