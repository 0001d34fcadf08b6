/**
 * The codec of the schemas as TypeScript: a function a record and an array, each of straight code for just that type. avsc does the
 * same at run time and generically: each union asks what a value is, each array calls back for each item. The order of what is
 * read and written is the schemas'; how it is done, and checked, is said once in datum-reader.ts and datum-writer.ts.
 */
import { branchName, type EnumModel, type Field, type Model, type RecordModel } from './model.ts';

/** The reader of events: its file below the header. */
export function readerText(event: RecordModel): string {
  const code = new Codec('./audit-event.generated.ts');
  code.readRecord(event, true);
  return code.text('Reader');
}

/** The writer of records: an event's fields, and those behind them, apart. */
export function writerText(event: RecordModel, record: RecordModel): string {
  const code = new Codec('./types.ts');
  const added = record.fields.slice(event.fields.length);
  code.writeRecord(event, 'AuditEvent', true);
  code.writeRecord({ ...record, name: 'AddedFields', fields: added }, 'AuditRecord', true);
  return code.text('Writer');
}

const PERSONAL = 'null,string,dev.tidemark.Sealed';
/** Of these many records hold the very same value. */
const SHARED: ReadonlySet<string> = new Set(['dev.tidemark.Enrichment']);
const shortName = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

class Codec {
  readonly #typesFrom: string;
  readonly #types = new Set<string>();
  readonly #symbols = new Map<string, string>();
  /** By name, in the order in which they were needed. */
  readonly #functions = new Map<string, string>();

  constructor(typesFrom: string) {
    this.#typesFrom = typesFrom;
  }

  text(what: 'Reader' | 'Writer'): string {
    return [
      `import type { ${[...this.#types].sort().join(', ')} } from '${this.#typesFrom}';`,
      `import type { Datum${what} } from './datum-${what.toLowerCase()}.ts';\n`,
      `${[...this.#symbols.values()].join('\n')}\n`,
      [...this.#functions.values()].join('\n'),
    ].join('\n');
  }

  readRecord(model: RecordModel, isRoot = false): string {
    const type = this.#type(model.name);
    return this.#define(`read${type}`, name => {
      const fields = model.fields.map(field => ({ name: field.name, read: this.#read(field.type, type, field) }));
      const head = `${isRoot ? 'export ' : ''}function ${name}(r: DatumReader): ${type} {`;
      if (!isRoot)
        return `${head}\n  return {\n${fields.map(one => `    ${one.name}: ${one.read},\n`).join('')}  };\n}\n`;
      const reads = fields.map(one => `  r.field();\n  const ${one.name} = ${one.read};\n`).join('');
      return `${head}\n${reads}  return { ${fields.map(one => one.name).join(', ')} };\n}\n`;
    });
  }

  writeRecord(model: RecordModel, as: string, isRoot = false): string {
    const type = this.#type(as);
    return this.#define(`write${shortName(model.name)}`, name => {
      const fields = model.fields.map(field => `  ${this.#write(field.type, `value.${field.name}`, type, field)}\n`);
      return `${isRoot ? 'export ' : ''}function ${name}(w: DatumWriter, value: ${type}): void {\n${fields.join('')}}\n`;
    });
  }

  #read(model: Model, owner: string, field: Field): string {
    switch (model.kind) {
      case 'primitive':
        return primitive(model.name) === 'null' ? 'null' : `r.${primitive(model.name)}()`;
      case 'enum':
        return `r.symbol(${this.#symbolsOf(model)})`;
      case 'record':
        return `${this.readRecord(model)}(r)`;
      case 'array':
        return `${this.#readArray(model.items, owner, field)}(r)`;
      default:
        if (model.kind !== 'union') throw unknown(model);
    }
    const { other, isPersonal } = branchesOf(model.branches);
    if (isPersonal && other.kind === 'record') return `r.personalText(${this.readRecord(other)})`;
    return `r.branch(2) === 0 ? null : ${this.#read(other, owner, field)}`;
  }

  #readArray(items: Model, owner: string, field: Field): string {
    const type = this.#itemType(items);
    const item = this.#read(items, owner, field);
    return this.#define(`read${owner}${capital(field.name)}`, name =>
      [
        `function ${name}(r: DatumReader): ${type}[] {`,
        `  const items: ${type}[] = [];`,
        '  for (let left = r.firstItems(); left > 0; left = r.nextItems()) {',
        `    for (; left > 0; left--) items.push(${item});`,
        '  }',
        '  return items;',
        '}\n',
      ].join('\n'),
    );
  }

  #write(model: Model, value: string, owner: string, field: Field): string {
    switch (model.kind) {
      case 'primitive':
        return `w.${primitive(model.name)}(${value});`;
      case 'enum':
        return `w.symbol(${this.#symbolsOf(model)}, ${value});`;
      case 'record':
        return `${this.writeRecord(model, model.name)}(w, ${value});`;
      case 'array':
        return `${this.#writeArray(model.items, owner, field)}(w, ${value});`;
      default:
        if (model.kind !== 'union') throw unknown(model);
    }
    const { other, isPersonal } = branchesOf(model.branches);
    if (isPersonal && other.kind === 'record')
      return `w.personalText(${value}, ${this.writeRecord(other, other.name)});`;
    const write = this.#write(other, value, owner, field);
    return `if (${value} === null) w.branch(0);\n  else {\n    w.branch(1);\n    ${write}\n  }`;
  }

  #writeArray(items: Model, owner: string, field: Field): string {
    const type = this.#itemType(items);
    const isShared = items.kind === 'record' && SHARED.has(items.name);
    const write = isShared
      ? `w.sharedPart(item, ${this.writeRecord(items, items.name, true)});`
      : this.#write(items, 'item', owner, field);
    return this.#define(`write${owner}${capital(field.name)}`, name =>
      [
        `function ${name}(w: DatumWriter, items: readonly ${type}[]): void {`,
        '  if (items.length > 0) {',
        '    w.long(items.length);',
        `    for (const item of items) ${write}`,
        '  }',
        '  w.long(0);',
        '}\n',
      ].join('\n'),
    );
  }

  #itemType(items: Model): string {
    if (items.kind === 'record') return this.#type(items.name);
    if (items.kind === 'primitive' && items.name === 'string') return 'string';
    throw unknown(items);
  }

  #symbolsOf({ name, symbols }: EnumModel): string {
    const constant = `symbolsOf${shortName(name)}`;
    const list = symbols.map(symbol => `'${symbol}'`).join(', ');
    this.#symbols.set(constant, `const ${constant} = [${list}] as const;`);
    return constant;
  }

  #type(name: string): string {
    this.#types.add(shortName(name));
    return shortName(name);
  }

  #define(name: string, body: (name: string) => string): string {
    if (!this.#functions.has(name)) {
      this.#functions.set(name, '');
      this.#functions.set(name, body(name));
    }
    return name;
  }
}

/** A union of null and one type, or of a personal text. */
function branchesOf(branches: readonly Model[]): { other: Model; isPersonal: boolean } {
  const isPersonal = branches.map(branchName).join() === PERSONAL;
  const other = branches.at(-1);
  const isNullable = branches.length === 2 && branches[0] !== undefined && branchName(branches[0]) === 'null';
  if (other === undefined || !(isPersonal || isNullable))
    throw new TypeError('found a union of another form, expected null first');
  return { other, isPersonal };
}

function primitive(name: string): string {
  const method = { string: 'text', bytes: 'bytes', boolean: 'boolean', int: 'int', long: 'long' }[name];
  if (method === undefined)
    throw new TypeError(`found the type ${name}, which no schema of ours had when this was written`);
  return method;
}

const unknown = (model: Model): TypeError =>
  new TypeError(`found a ${model.kind} where no schema of ours had one when this was written`);
