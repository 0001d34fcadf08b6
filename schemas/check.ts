/**
 * What `npm run check` asks of the schemas: documented, tagged and typed by our rules, their types current, and each
 * compatible with all its released versions (FULL_TRANSITIVE), which `history/` keeps as they were registered.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { avroType } from './avro.ts';
import { checkCompatibility } from './compatibility.ts';
import { staleFiles } from './generate.ts';
import { branchName, type Field, type Model, namedModels, parseRecordModel } from './model.ts';

const SCHEMAS = ['audit-event', 'audit-record'] as const;
const PERSONAL = ['null', 'string', 'dev.tidemark.Sealed'];

/** All problems of the schemas as they are in this folder; empty where there are none. */
export function checkSchemas(): string[] {
  const problems: string[] = staleFiles().map(name => `${name} is not current: run node schemas/generate.ts`);
  for (const name of SCHEMAS) {
    const text = read(`${name}.avsc`);
    problems.push(...checkRules(text).map(problem => `${name}.avsc: ${problem}`));
    problems.push(...checkHistory(name, text));
  }
  return [...problems, ...checkShared(read('audit-event.avsc'), read('audit-record.avsc'))];
}

/** Our rules for one schema's text. */
export function checkRules(text: string): string[] {
  const root = parseRecordModel(text);
  return namedModels(root).flatMap(model => {
    const undocumented = model.doc === '' ? [`${model.name} has no doc`] : [];
    if (model.kind === 'enum') {
      return model.default === undefined ? [...undocumented, `${model.name} has no default symbol`] : undocumented;
    }
    return [...undocumented, ...model.fields.flatMap(field => checkField(field, `${model.name}.${field.name}`))];
  });
}

/** That an event keeps its form when it becomes a record: each field and type of the one is in the other, at the same place. */
export function checkShared(eventText: string, recordText: string): string[] {
  const event = parseRecordModel(eventText);
  const record = parseRecordModel(recordText);
  return event.fields
    .filter((field, place) => JSON.stringify(record.fields[place]) !== JSON.stringify(field))
    .map(field => `audit-record.avsc: ${field.name} is not what it is in audit-event.avsc`);
}

function checkField(field: Field, path: string): string[] {
  const problems: string[] = [];
  if (field.doc === '') problems.push(`${path} has no doc`);
  if (hasMap(field.type)) problems.push(`${path} is a map: its order would be free; use an array of records`);
  const branches = field.type.kind === 'union' ? field.type.branches.map(branchName) : [];
  const isPersonal = branches.join() === PERSONAL.join();
  if (field.tags.includes('PII') && !isPersonal)
    problems.push(`${path} is tagged PII, expected ${PERSONAL.join(', ')}`);
  if (field.tags.includes('PII') && field.default !== null)
    problems.push(`${path} is tagged PII, expected default null`);
  if (isPersonal && !field.tags.includes('PII')) problems.push(`${path} can be sealed, expected the tag PII`);
  if (/^at$|At$/.test(field.name) && !isTime(field.type)) problems.push(`${path}: expected timestamp-micros`);
  return problems;
}

function checkHistory(name: string, text: string): string[] {
  const current = avroType(text);
  return readdirSync(new URL('history/', import.meta.url))
    .filter(file => file.startsWith(`${name}.v`))
    .flatMap(file => {
      const released = read(`history/${file}`);
      const problems = checkCompatibility(released, text).map(
        problem => `${name}.avsc against history/${file}: ${problem}`,
      );
      // The library's own word, both ways: what our walk misses must still not get through.
      const older = avroType(released);
      for (const [reader, writer, what] of [
        [current, older, 'read'],
        [older, current, 'be read by'],
      ] as const) {
        try {
          reader.createResolver(writer);
        } catch (error) {
          problems.push(
            `${name}.avsc can't ${what} history/${file}: ${error instanceof Error ? error.message : error}`,
          );
        }
      }
      return problems;
    });
}

function hasMap(model: Model): boolean {
  if (model.kind === 'array') return hasMap(model.items);
  return model.kind === 'union' ? model.branches.some(hasMap) : model.kind === 'map';
}

function isTime(model: Model): boolean {
  if (model.kind === 'union') return model.branches.some(isTime);
  return model.kind === 'primitive' && model.logicalType === 'timestamp-micros';
}

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

if (import.meta.main) {
  const problems = checkSchemas();
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
