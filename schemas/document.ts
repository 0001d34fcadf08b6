/**
 * Writes docs/schema.md from the schemas and the examples: `node schemas/document.ts` (`--check` only compares). A field without an
 * example is an error, so that none is added without one.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { acceptedExample, clearOriginalExample, refusedExample } from './example.ts';
import { type EnumModel, type Field, type Model, namedModels, parseRecordModel, type RecordModel } from './model.ts';

const page = new URL('../docs/schema.md', import.meta.url);

/** The text that docs/schema.md should have. */
export function schemaPage(eventText: string, recordText: string): string {
  const event = parseRecordModel(eventText);
  const record = parseRecordModel(recordText);
  const examples = new Map<string, unknown>();
  collect(acceptedExample, event, examples);
  for (const example of [acceptedExample, refusedExample]) collect(example, record, examples);
  const original = namedModels(record).find(({ name }) => shortName(name) === 'Original');
  if (original) collect(clearOriginalExample, original, examples);
  const own = new Set(event.fields.map(({ name }) => name));
  const eventModels = namedModels(event);
  const known = new Set(eventModels.map(({ name }) => name));
  const added: RecordModel = { ...record, fields: record.fields.filter(({ name }) => !own.has(name)) };
  const recordModels = namedModels(added).filter(({ name }) => !known.has(name));
  return [
    head,
    ...eventModels.map(model => section(model, examples)),
    middle,
    ...recordModels.map(model => section(model, examples)),
    `## A refusal\n\nA raw record that is not accepted becomes an event of its own. What it holds of its bytes is encrypted under the key of\nthe day.\n\n${json(refusedExample)}`,
  ].join('\n');
}

const head = `# The schemas, field by field

<!-- Written by \`node schemas/document.ts\` from the .avsc files and schemas/example.ts: do not edit. -->

A service publishes an \`AuditEvent\` to the raw topic; the normalizer makes of it one \`AuditRecord\`, which is what the archive
keeps: the same fields, and those that say where it came from and how far it can be believed. Both are Avro, with one text each
(\`schemas/audit-event.avsc\`, \`schemas/audit-record.avsc\`), registered under \`FULL_TRANSITIVE\` compatibility.

*Personal*: **yes** and **may be** are the fields that the normalizer encrypts, under a key that can be destroyed
(they have the tag \`PII\` in the schema), **in part** are records that have such fields; **no** stays readable for as long as the
archive exists, so nothing personal belongs there: an id is a pseudonym, never a name or an address. *Type* is as in JSON; \`text | Sealed\` is a text that is stored as
\`Sealed\`; with ? it may be null. Times are microseconds since 1970. What a policy masks or demands is in [policy.md](policy.md).

An event with a value in every field, before it is encrypted:

${json(acceptedExample)}`;

const middle = `# What the normalizer adds
`;

function section(model: RecordModel | EnumModel, examples: ReadonlyMap<string, unknown>): string {
  const title = `## ${shortName(model.name)}\n\n${model.doc}\n`;
  if (model.kind === 'enum') {
    const otherwise = model.default === undefined ? '' : ` An unknown one is read as \`${model.default}\`.`;
    return `${title}\nOne of ${model.symbols.map(symbol => `\`${symbol}\``).join(', ')}.${otherwise}\n`;
  }
  const rows = model.fields.map(field => row(shortName(model.name), field, examples));
  return `${title}\n| Field | Type | Meaning | Example | Personal |\n|---|---|---|---|---|\n${rows.join('')}`;
}

function row(model: string, field: Field, examples: ReadonlyMap<string, unknown>): string {
  const path = `${model}.${field.name}`;
  const example = examples.get(path);
  if (example === undefined) throw new TypeError(`found no example of ${path}: give it one in schemas/example.ts`);
  const cells = [
    `\`${field.name}\``,
    typeOf(field.type),
    meaning(field.doc),
    exampleText(example),
    personal(path, field),
  ];
  return `| ${cells.join(' | ')} |\n`;
}

/** What the last column says is not said again. */
const meaning = (doc: string): string =>
  doc.replaceAll(/\s*(?:Not personal|May be personal|Personal)\.(?= |$)/g, '').replaceAll('|', '\\|');

/** Bytes as they came, of which nobody knows what they hold. */
const BYTES = /^(?:Original\.(?:key|value|headers|sealed)|Header\.(?:key|value))$/;

function personal(path: string, { tags, doc, type }: Field): string {
  if (BYTES.test(path)) return 'may be';
  if (path === 'Sealed.ciphertext') return 'encrypted';
  if (!tags.includes('PII')) return isInPart(type) ? 'in part' : 'no';
  return doc.includes('May be personal') || !doc.includes('Personal') ? 'may be' : 'yes';
}

/** Whether records below it have fields that are, or may be, personal. */
function isInPart(model: Model): boolean {
  if (model.kind === 'union') return model.branches.some(isInPart);
  if (model.kind === 'array') return isInPart(model.items);
  if (model.kind !== 'record') return false;
  const { name, fields } = model;
  return fields.some(field => {
    const path = `${shortName(name)}.${field.name}`;
    return BYTES.test(path) || field.tags.includes('PII') || isInPart(field.type);
  });
}

function typeOf(model: Model): string {
  switch (model.kind) {
    case 'primitive':
      if (model.logicalType === 'timestamp-micros') return 'time';
      return { string: 'text', int: 'number', long: 'number' }[model.name] ?? model.name;
    case 'array':
      return `list of ${typeOf(model.items)}`;
    case 'map':
      return `map of ${typeOf(model.values)}`;
    case 'union': {
      const branches = model.branches.filter(branch => !(branch.kind === 'primitive' && branch.name === 'null'));
      return `${branches.map(typeOf).join(' \\| ')}${branches.length < model.branches.length ? ' ?' : ''}`;
    }
    case 'fixed':
      return `${model.size} bytes`;
    default:
      return `[${shortName(model.name)}](#${shortName(model.name).toLowerCase()})`;
  }
}

/** The first value of each field of each record, by Record.field; of records and lists of records, where to look. */
function collect(value: unknown, model: Model, examples: Map<string, unknown>): void {
  if (value === null || value === undefined) return;
  if (model.kind === 'union') {
    const branches = model.branches.filter(branch => fits(value, branch));
    for (const branch of branches) collect(value, branch, examples);
  } else if (model.kind === 'array' && Array.isArray(value)) {
    for (const item of value) collect(item, model.items, examples);
  } else if (model.kind === 'record' && typeof value === 'object') {
    for (const [name, one] of Object.entries(value)) {
      const field = model.fields.find(each => each.name === name);
      const path = `${shortName(model.name)}.${name}`;
      if (field === undefined || one === null || (Array.isArray(one) && one.length === 0)) continue;
      if (!examples.has(path)) examples.set(path, one);
      collect(one, field.type, examples);
    }
  }
}

function fits(value: unknown, branch: Model): boolean {
  if (branch.kind !== 'record') return branch.kind === 'array' && Array.isArray(value);
  return typeof value === 'object' && value !== null && branch.fields.every(({ name }) => name in value);
}

function exampleText(example: unknown): string {
  if (example instanceof Uint8Array) return `bytes \`${Buffer.from(example).toString('hex')}\``;
  const isNested = (one: unknown) => typeof one === 'object' && one !== null;
  if (Array.isArray(example) ? example.some(isNested) : isNested(example)) return 'see its type';
  return `\`${(typeof example === 'string' ? example : JSON.stringify(example)).replaceAll('|', '\\|')}\``;
}

function json(example: unknown): string {
  const plain = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
  };
  return `\`\`\`json\n${JSON.stringify(plain(example), null, 2)}\n\`\`\`\n`;
}

function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function currentPage(): string {
  const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
  return schemaPage(read('audit-event.avsc'), read('audit-record.avsc'));
}

/** Whether docs/schema.md is what the schemas ask for. */
export function isPageCurrent(): boolean {
  return readFileSync(page, 'utf8') === currentPage();
}

if (import.meta.main) {
  if (!process.argv.includes('--check')) writeFileSync(page, currentPage());
  else if (!isPageCurrent()) {
    console.error('docs/schema.md is not current: run node schemas/document.ts');
    process.exitCode = 1;
  }
}
