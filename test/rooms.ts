/**
 * The arrows between rooms: who may import whom. What decides that evidence is true must stay pure, and producers,
 * consumers and auditor must not lean on each other, or an auditor would trust what it is there to check.
 *
 * Imports are found by pattern, not by a parser: strict where in doubt, so that a comment may trip it but no import
 * passes it. A specifier that is computed can't be judged and is a problem of its own.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

export interface Import {
  /** As written; null where it is computed. */
  readonly specifier: string | null;
  readonly typeOnly: boolean;
}

interface Room {
  /** Rooms it may import from, beside itself. */
  readonly imports: readonly string[];
  /** Its folders are parts of one program, which share what they like; elsewhere a folder's door holds inside its room too. */
  readonly oneProgram?: true;
  /** No I/O, no clock, no chance, no package: a browser page runs these same files. */
  readonly pure?: true;
}

const CORE = ['core/proof', 'core/event', 'core/catalogue', 'core/masking', 'core/envelope', 'core/edge', 'schemas'];
const PROGRAMS = ['producers', 'consumers', 'auditor'];

const ROOMS: Readonly<Record<string, Room>> = {
  'core/proof': { imports: [], pure: true },
  'core/event': { imports: [], pure: true },
  'core/catalogue': { imports: ['core/event'], pure: true },
  'core/masking': { imports: [], pure: true },
  'core/envelope': { imports: ['core/event', 'schemas'] },
  'core/edge': { imports: ['core/proof', 'core/event', 'core/catalogue', 'core/envelope', 'schemas'] },
  schemas: { imports: [] },
  producers: { imports: CORE },
  consumers: { imports: CORE },
  auditor: { imports: CORE, oneProgram: true },
  cli: { imports: [...CORE, ...PROGRAMS] },
  infra: { imports: [...CORE, ...PROGRAMS, 'cli'] },
  test: { imports: [...CORE, ...PROGRAMS, 'cli', 'infra'], oneProgram: true },
};

/** What pure rooms may have of the schemas, as types only. */
const SCHEMA_TYPES = /^schemas\/(types|[a-z-]+\.generated)\.ts$/;
/** Doors beside a folder's `index.ts`, for those who must not load the rest: types, types with their codec, one of the SDK's package. */
const SECOND_DOORS = new Set(['schemas/types.ts', 'schemas/avro.ts', 'producers/sdk/outbox/index.ts']);
const IMPURE = /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bperformance\b/;
const IGNORED = new Set(['node_modules', 'dist', 'coverage', 'golden']);

const STATEMENT = /\b(?:import|export)\b(\s+type\b)?[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]/g;
const BARE = /\bimport\s*['"]([^'"]+)['"]/g;
const CALL = /\b(?:import|require|import\.meta\.resolve)\s*\(\s*(?:['"`]([^'"`$]+)['"`]\s*[,)])?/g;

/** Every import of a file's text: static, type, re-export, bare, dynamic and `require`. */
export function parseImports(text: string): Import[] {
  return [
    ...[...text.matchAll(STATEMENT)].map(([, type, name]) => ({ specifier: name ?? null, typeOnly: !!type })),
    ...[...text.matchAll(BARE)].map(([, name]) => ({ specifier: name ?? null, typeOnly: false })),
    ...[...text.matchAll(CALL)].map(([, name]) => ({ specifier: name ?? null, typeOnly: false })),
  ];
}

/**
 * The problems of one file, by its path from the root (with `/`).
 * @param isDoor whether a file of that path exists: a folder with an `index.ts` is entered by it alone.
 */
export function checkFile(path: string, text: string, isDoor: (path: string) => boolean): string[] {
  const name = roomOf(path);
  const room = name === undefined ? undefined : ROOMS[name];
  if (name === undefined || room === undefined) return [`${path} is in no room: see ROOMS in test/rooms.ts`];
  const problems = parseImports(text).flatMap(found => {
    const problem = checkImport(path, name, room, found, isDoor);
    return problem === undefined ? [] : [`${path} imports ${found.specifier ?? 'what is computed'}: ${problem}`];
  });
  const impure = room.pure ? IMPURE.exec(text)?.[0] : undefined;
  return impure === undefined ? problems : [...problems, `${path} uses ${impure}: time and chance are passed in`];
}

/** The problems of all `.ts` files below a root folder. */
export function checkRooms(root: string): string[] {
  const isDoor = (path: string) => existsSync(join(root, path));
  return Object.keys(ROOMS)
    .flatMap(room => sourceFiles(root, room.split('/')[0] ?? room))
    .filter((path, at, all) => all.indexOf(path) === at)
    .flatMap(path => checkFile(path, readFileSync(join(root, path), 'utf8'), isDoor));
}

function checkImport(
  path: string,
  name: string,
  room: Room,
  { specifier, typeOnly }: Import,
  isDoor: (path: string) => boolean,
): string | undefined {
  if (specifier === null) return name === 'test' ? undefined : 'an arrow that nobody can check; name the file';
  if (!specifier.startsWith('.')) return room.pure ? `${name} is pure: no package and no node: import` : undefined;
  const target = posix.join(posix.dirname(path), specifier);
  const targetRoom = roomOf(target);
  if (targetRoom === name) return room.oneProgram ? undefined : throughDoor(path, target, isDoor);
  if (targetRoom === undefined) return name === 'test' ? undefined : 'outside the rooms';
  if (room.pure && SCHEMA_TYPES.test(target))
    return typeOnly ? undefined : `${name} may have the schemas as types only`;
  if (!room.imports.includes(targetRoom)) return `${name} must not import from ${targetRoom}`;
  return name === 'test' ? undefined : throughDoor(path, target, isDoor);
}

function throughDoor(path: string, target: string, isDoor: (path: string) => boolean): string | undefined {
  for (let folder = dirname(target); folder !== '.'; folder = dirname(folder)) {
    const door = `${folder}/index.ts`;
    const within = path.startsWith(`${folder}/`);
    if (!within && isDoor(door) && target !== door && !SECOND_DOORS.has(target)) return `private: the door is ${door}`;
  }
  return undefined;
}

function roomOf(path: string): string | undefined {
  return Object.keys(ROOMS).find(room => path.startsWith(`${room}/`));
}

function sourceFiles(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return IGNORED.has(entry.name) || entry.name.startsWith('.') ? [] : sourceFiles(root, path);
    return /\.m?ts$/.test(entry.name) ? [path] : [];
  });
}
