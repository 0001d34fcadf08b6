// A directory of people from the export of one: CSV with a header line, or a JSON array of objects. Taken from it are the id, the team
// and the manager's id. Names and addresses are read past: what is personal must not reach a record by this way.

import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';

export interface Person {
  readonly team: string | null;
  /** Id of the manager, as the directory has it. */
  readonly manager: string | null;
}

export interface Directory {
  readonly people: ReadonlyMap<string, Person>;
  /** Of the file's contents: its version. */
  readonly digest: string;
}

/** What exports call the columns; the first that is there holds. Case, spaces, `_` and `-` do not matter. */
const COLUMNS = {
  id: ['id', 'userid', 'user', 'employeeid'],
  team: ['team', 'teamid', 'department', 'group'],
  manager: ['manager', 'managerid', 'reportsto'],
  address: ['email', 'mail', 'emailaddress'],
} as const;

/** Throws where the file can't be read or is of neither form; names it, and quotes nothing of it. */
export async function readPeople(path: string): Promise<Directory> {
  try {
    const text = await readFile(path, 'utf8');
    return { people: parsePeople(text), digest: `sha256:${hash('sha256', text).slice(0, 16)}` };
  } catch (error) {
    if (error instanceof PeopleError) throw new PeopleError(`${path}: ${error.message}`);
    // A parser's message quotes the line that it stumbled over, which is somebody's.
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    throw new PeopleError(`${path} is neither CSV with a header line nor a JSON array of objects${code}`);
  }
}

class PeopleError extends Error {
  override readonly name = 'PeopleError';
}

/** Pure. */
export function parsePeople(text: string): Directory['people'] {
  const rows = rowsOf(text).map(row => new Map(Object.entries(row).map(([name, value]) => [plain(name), value])));
  const [first] = rows;
  if (!first) return new Map();
  const columnOf = (names: readonly string[]) => names.find(name => first.has(name));
  const idColumn = columnOf(COLUMNS.id);
  if (idColumn === undefined) throw new PeopleError('found no column id, expected id, team and manager');
  const columns = {
    team: columnOf(COLUMNS.team),
    manager: columnOf(COLUMNS.manager),
    address: columnOf(COLUMNS.address),
  };
  const cell = (row: Map<string, unknown>, name: string | undefined) =>
    name === undefined ? null : textOf(row.get(name));
  const ids = new Set<string>();
  const byAddress = new Map<string, string>();
  for (const [index, row] of rows.entries()) {
    const id = cell(row, idColumn);
    if (id === null) throw new PeopleError(`found no id in row ${index + 1}`);
    if (ids.has(id)) throw new PeopleError(`found the id of row ${index + 1} a second time`);
    ids.add(id);
    const address = cell(row, columns.address);
    if (address !== null) byAddress.set(address.toLowerCase(), id);
  }
  // Many exports name the manager by mail address: it is given by the id that it stands for, or not at all.
  const managerOf = (said: string | null) =>
    said === null ? null : ids.has(said) && pseudonym(said) ? said : (byAddress.get(said.toLowerCase()) ?? null);
  return new Map(
    rows.map(row => [
      cell(row, idColumn) ?? '',
      { team: pseudonym(cell(row, columns.team)), manager: pseudonym(managerOf(cell(row, columns.manager))) },
    ]),
  );
}

function rowsOf(text: string): Record<string, unknown>[] {
  const body = text.replace(/^\uFEFF/, '');
  if (!/^\s*[[{]/.test(body)) {
    const rows: Record<string, unknown>[] = parse(body, {
      columns: true,
      skip_empty_lines: true,
      trim: true,
      // Spreadsheets of many countries write semicolons.
      delimiter: [',', ';', '\t'],
    });
    return rows;
  }
  const value: unknown = JSON.parse(body);
  if (!Array.isArray(value) || !value.every(row => typeof row === 'object' && row !== null && !Array.isArray(row))) {
    throw new PeopleError('found other JSON, expected an array of objects');
  }
  return value;
}

const plain = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '');

function textOf(value: unknown): string | null {
  const text = typeof value === 'number' ? `${value}` : typeof value === 'string' ? value.trim() : '';
  return text !== '' && text.length <= 512 ? text : null;
}

/** What looks like a mail address is personal, whatever the column is called. */
const pseudonym = (text: string | null): string | null => (text?.includes('@') ? null : text);
