/**
 * Writes the TypeScript types and the codec of the schemas: `node schemas/generate.ts` (`--check` only compares).
 * A type that both schemas have is generated once, from AuditEvent; AuditRecord extends it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { readerText, writerText } from './generate-codec.ts';
import {
  branchName,
  type EnumModel,
  type Field,
  type Model,
  namedModels,
  parseRecordModel,
  type RecordModel,
} from './model.ts';

const HEADER = '// Generated from the .avsc file beside it by `node schemas/generate.ts`: do not edit.\n';
const CODEC_HEADER =
  '// Generated from the .avsc files by `node schemas/generate.ts` (generate-codec.ts): do not edit.\n';

/** The text that each generated file should have, by file name. */
export function generatedFiles(eventText: string, recordText: string): Map<string, string> {
  const event = parseRecordModel(eventText);
  const record = parseRecordModel(recordText);
  const eventTypes = namedModels(event);
  const known = new Set(eventTypes.map(model => model.name));
  const recordTypes = namedModels(record).filter(model => !known.has(model.name));
  const inherited = new Set(event.fields.map(field => field.name));
  const added: RecordModel = { ...record, fields: record.fields.filter(field => !inherited.has(field.name)) };
  const body = recordTypes.map(model => declaration(model === record ? added : model, model === record));
  const used = eventTypes.map(model => shortName(model.name)).filter(name => uses(body, name));
  return new Map([
    ['audit-event.generated.ts', `${HEADER}\n${eventTypes.map(model => declaration(model, false)).join('\n')}`],
    [
      'audit-record.generated.ts',
      `${HEADER}import type { ${used.sort().join(', ')} } from './audit-event.generated.ts';\n\n${body.join('\n')}`,
    ],
    ['audit-event-reader.generated.ts', `${CODEC_HEADER}${readerText(event)}`],
    ['audit-record-writer.generated.ts', `${CODEC_HEADER}${writerText(event, record)}`],
  ]);
}

/** Names of the generated files that are not what the schemas ask for. */
export function staleFiles(): string[] {
  return [...currentFiles()]
    .filter(([name, text]) => readOrEmpty(new URL(name, import.meta.url)) !== text)
    .map(([name]) => name);
}

function currentFiles(): Map<string, string> {
  const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
  return generatedFiles(read('audit-event.avsc'), read('audit-record.avsc'));
}

function readOrEmpty(url: URL): string {
  try {
    return readFileSync(url, 'utf8');
  } catch {
    return '';
  }
}

function declaration(model: RecordModel | EnumModel, extendsEvent: boolean): string {
  const head = `${comment(model.doc, '')}export `;
  const name = shortName(model.name);
  if (model.kind === 'enum')
    return `${head}type ${name} = ${model.symbols.map(symbol => `'${symbol}'`).join(' | ')};\n`;
  const fields = model.fields.map(
    field => `${comment(describe(field), '  ')}  ${field.name}: ${typeOf(field.type)};\n`,
  );
  return `${head}interface ${name}${extendsEvent ? ' extends AuditEvent' : ''} {\n${fields.join('')}}\n`;
}

function describe(field: Field): string {
  return field.tags.includes('PII') ? `${field.doc} (PII)` : field.doc;
}

function typeOf(model: Model): string {
  switch (model.kind) {
    case 'primitive':
      return { null: 'null', boolean: 'boolean', bytes: 'Uint8Array', string: 'string' }[model.name] ?? 'number';
    case 'array':
      return model.items.kind === 'union' ? `(${typeOf(model.items)})[]` : `${typeOf(model.items)}[]`;
    case 'union':
      return [...model.branches].sort(nullLast).map(typeOf).join(' | ');
    case 'fixed':
      return 'Uint8Array';
    case 'map':
      return `Record<string, ${typeOf(model.values)}>`;
    default:
      return shortName(model.name);
  }
}

const nullLast = (a: Model, b: Model): number => Number(branchName(a) === 'null') - Number(branchName(b) === 'null');
const shortName = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
const comment = (doc: string, indent: string): string => (doc === '' ? '' : `${indent}/** ${doc} */\n`);
const uses = (texts: string[], name: string): boolean =>
  texts.some(text => new RegExp(`\\b${name}\\b`).test(text.replaceAll(/\/\*\*.*?\*\//g, '')));

if (import.meta.main) {
  const stale = staleFiles();
  if (process.argv.includes('--check')) {
    for (const name of stale) console.error(`schemas/${name} is not current: run node schemas/generate.ts`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const [name, text] of currentFiles()) writeFileSync(new URL(name, import.meta.url), text);
  }
}
