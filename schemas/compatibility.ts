/**
 * Whether two versions of a schema can live together under FULL: each reads what the other wrote, and nothing that one
 * wrote is silently read as something else. Stricter than the Avro specification, as registries differ: a union keeps its
 * branches, an enum that grows has a default, no type is widened, and what was personal stays personal.
 */
import { branchName, type EnumModel, type Field, type Model, parseModel, type RecordModel } from './model.ts';

/** All that makes the newer version incompatible with the older; empty where they live together. */
export function checkCompatibility(olderText: string, newerText: string): string[] {
  const problems: string[] = [];
  compare(parseModel(olderText), parseModel(newerText), '', { problems, seen: new Set() });
  return problems;
}

/**
 * Paths of what a writer's schema can say and a reader's can't: fields, symbols, branches. Empty where a datum of the
 * writer loses nothing when it is read by the reader. Not for every record: once for each schema id.
 */
export function unknownTo(readerText: string, writerText: string): string[] {
  const unknown: string[] = [];
  collectUnknown(parseModel(readerText), parseModel(writerText), '', unknown, new Set());
  return unknown;
}

interface Walk {
  readonly problems: string[];
  readonly seen: Set<Model>;
}

function compare(older: Model, newer: Model, path: string, walk: Walk): void {
  const at = path === '' ? 'the schema' : path;
  if (branchName(older) !== branchName(newer)) {
    walk.problems.push(`${at}: was ${branchName(older)}, is ${branchName(newer)}`);
  } else if (older.kind === 'record' && newer.kind === 'record') {
    if (walk.seen.has(older)) return;
    walk.seen.add(older);
    compareRecords(older, newer, path, walk);
  } else if (older.kind === 'enum' && newer.kind === 'enum') compareEnums(older, newer, at, walk);
  else if (older.kind === 'array' && newer.kind === 'array') compare(older.items, newer.items, `${path}[]`, walk);
  else if (older.kind === 'map' && newer.kind === 'map') compare(older.values, newer.values, `${path}{}`, walk);
  else if (older.kind === 'union' && newer.kind === 'union') compareUnions(older.branches, newer.branches, path, walk);
  else if (older.kind === 'fixed' && newer.kind === 'fixed' && older.size !== newer.size) {
    walk.problems.push(`${at}: had ${older.size} bytes, has ${newer.size}`);
  } else if (older.kind === 'primitive' && newer.kind === 'primitive' && older.logicalType !== newer.logicalType) {
    walk.problems.push(`${at}: was ${older.logicalType ?? 'plain'}, is ${newer.logicalType ?? 'plain'}`);
  }
}

function compareRecords(older: RecordModel, newer: RecordModel, path: string, walk: Walk): void {
  const later = byName(newer.fields);
  for (const field of older.fields) {
    const at = join(path, field.name);
    const next = later.get(field.name);
    if (next === undefined) {
      if (field.default === undefined)
        walk.problems.push(`${at}: removed, but the older version has no default for it`);
      continue;
    }
    for (const tag of field.tags) if (!next.tags.includes(tag)) walk.problems.push(`${at}: lost its tag ${tag}`);
    compare(field.type, next.type, at, walk);
  }
  const earlier = byName(older.fields);
  for (const field of newer.fields) {
    if (!earlier.has(field.name) && field.default === undefined) {
      walk.problems.push(`${join(path, field.name)}: added without a default`);
    }
  }
}

function compareEnums(older: EnumModel, newer: EnumModel, at: string, walk: Walk): void {
  const added = newer.symbols.filter(symbol => !older.symbols.includes(symbol));
  const removed = older.symbols.filter(symbol => !newer.symbols.includes(symbol));
  if (added.length > 0 && older.default === undefined) {
    walk.problems.push(`${at}: symbol ${added.join(', ')} added, but the older version has no default to read it as`);
  }
  if (removed.length > 0 && newer.default === undefined) {
    walk.problems.push(`${at}: symbol ${removed.join(', ')} removed without a default to read it as`);
  }
}

function compareUnions(older: readonly Model[], newer: readonly Model[], path: string, walk: Walk): void {
  for (const branch of older) {
    const next = find(newer, branch);
    if (next === undefined) walk.problems.push(`${path}: branch ${branchName(branch)} removed`);
    else compare(branch, next, path, walk);
  }
  for (const branch of newer) {
    if (find(older, branch) === undefined) walk.problems.push(`${path}: branch ${branchName(branch)} added`);
  }
}

function collectUnknown(reader: Model, writer: Model, path: string, unknown: string[], seen: Set<Model>): void {
  if (writer.kind === 'record' && reader.kind === 'record') {
    if (seen.has(writer)) return;
    seen.add(writer);
    const known = byName(reader.fields);
    for (const field of writer.fields) {
      const at = join(path, field.name);
      const mine = known.get(field.name);
      if (mine === undefined) unknown.push(at);
      else collectUnknown(mine.type, field.type, at, unknown, seen);
    }
  } else if (writer.kind === 'enum' && reader.kind === 'enum') {
    const added = writer.symbols.filter(symbol => !reader.symbols.includes(symbol));
    unknown.push(...added.map(symbol => `${path}=${symbol}`));
  } else if (writer.kind === 'array' && reader.kind === 'array') {
    collectUnknown(reader.items, writer.items, `${path}[]`, unknown, seen);
  } else if (writer.kind === 'union' && reader.kind === 'union') {
    for (const branch of writer.branches) {
      const mine = find(reader.branches, branch);
      if (mine === undefined) unknown.push(`${path}|${branchName(branch)}`);
      else collectUnknown(mine, branch, path, unknown, seen);
    }
  }
}

const find = (branches: readonly Model[], wanted: Model): Model | undefined =>
  branches.find(branch => branchName(branch) === branchName(wanted));
const byName = (fields: readonly Field[]): Map<string, Field> => new Map(fields.map(field => [field.name, field]));
const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
