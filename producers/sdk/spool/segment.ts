/**
 * A file of a spool: entries, appended and never changed, `<number>.spool`; and beside it `<number>.sent`, which says of which
 * entries Kafka has acknowledged: place and checksum, each in 32 bits, little-endian. A note that names no entry of that checksum
 * says nothing, so a damaged one can hide no event; one that was lost means that an event is sent again. Both go when all is sent.
 *
 * Only a process that dies leaves an end that was torn off, and only in its last file, which is never appended to by another.
 */
import { appendFile, type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeStart, eventOf, lengthOf, parseEntry, type Spoolable, schemaOf } from './entry.ts';
import { SpoolError } from './error.ts';

/** An event that is on disk. */
export interface Spooled extends Spoolable {
  readonly segment: Segment;
  /** Where in it the entry begins. */
  readonly at: number;
  /** Both, as a name. */
  readonly place: string;
  readonly checksum: number;
  /** Text of the schema that the datum is written by. */
  readonly schema: string;
}

const CHUNK = 1_048_576;
const NOTE = 8;

export class Segment {
  readonly number: number;
  readonly schema: string;
  readonly #path: string;
  readonly #file: FileHandle;
  /** Where the first event begins, and the next one to be read. */
  readonly #start: number;
  #read: number;
  #size: number;
  #unsent: number;
  /** Places and checksums that an earlier process noted as sent. */
  readonly #sentBefore: ReadonlyMap<number, number>;
  #notes: Buffer[] = [];
  #noting: Promise<void> = Promise.resolve();

  private constructor(path: string, number: number, file: FileHandle, found: Found) {
    this.#path = path;
    this.number = number;
    this.#file = file;
    this.schema = found.schema;
    this.#start = found.first;
    this.#read = found.first;
    this.#size = found.size;
    this.#unsent = found.unsent;
    this.#sentBefore = found.sent;
  }

  static async create(directory: string, number: number, schema: string): Promise<Segment> {
    const path = pathOf(directory, number);
    const file = await open(path, 'wx+', 0o600);
    const start = encodeStart(schema);
    const found = { schema, first: start.length, size: start.length, unsent: 0, sent: new Map() };
    try {
      await file.writev([start], 0);
      await syncDirectory(directory);
      return new Segment(path, number, file, found);
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
  }

  /** What an earlier process left; null, and it is gone, where nothing of it is to be sent. Throws SpoolError. */
  static async recover(directory: string, number: number, isLast: boolean): Promise<Segment | null> {
    const path = pathOf(directory, number);
    const bytes = await readFile(path);
    const found = examine(path, bytes, await readNotes(path), isLast);
    if (found.unsent === 0) {
      await removeFiles(path);
      return null;
    }
    const file = await open(path, 'r+');
    if (found.size < bytes.length) await cutBack(file, found.size);
    return new Segment(path, number, file, found);
  }

  get size(): number {
    return this.#size;
  }

  get unsent(): number {
    return this.#unsent;
  }

  get hasEvents(): boolean {
    return this.#size > this.#start;
  }

  get isRead(): boolean {
    return this.#read >= this.#size;
  }

  /** One write and one sync for all: when it resolves they are on disk, when it rejects none is. Answers their places. */
  async append(entries: readonly Buffer[]): Promise<string[]> {
    let end = this.#size;
    const places = entries.map(entry => {
      const at = end;
      end += entry.length;
      return this.#placeOf(at);
    });
    try {
      await this.#write(entries, end);
      await this.#file.datasync();
    } catch (error) {
      // Where this fails too, the entries may be there when the file is opened again.
      await cutBack(this.#file, this.#size).catch(cause => {
        const message = `${this.#path}: could neither be written nor cut back: ${textOf(cause)}`;
        throw new SpoolError('uncertain', message, error);
      });
      throw new SpoolError('unwritable', `${this.#path}: could not be written: ${textOf(error)}`, error);
    }
    this.#size = end;
    this.#unsent += entries.length;
    return places;
  }

  /** The next events that are to be sent: about a chunk of them; none where all are read. Throws SpoolError. */
  async readNext(): Promise<Spooled[]> {
    const events: Spooled[] = [];
    while (events.length === 0 && !this.isRead) {
      const start = this.#read;
      let bytes = await this.#readBytes(start, CHUNK);
      if (parseEntry(bytes, 0) === 'short') bytes = await this.#readBytes(start, lengthOf(bytes, 0));
      for (let offset = 0; offset < bytes.length; ) {
        const entry = parseEntry(bytes, offset);
        if (typeof entry === 'string' && offset > 0) break;
        if (typeof entry === 'string') throw damaged(this.#path, start);
        const { checksum, end } = entry;
        const at = start + offset;
        offset = end;
        this.#read = start + end;
        if (this.#sentBefore.get(at) === checksum) continue;
        events.push({ ...eventOf(entry), segment: this, at, place: this.#placeOf(at), checksum, schema: this.schema });
      }
    }
    return events;
  }

  /** Kafka has it. */
  markSent(at: number, checksum: number): void {
    this.#unsent -= 1;
    const note = Buffer.allocUnsafe(NOTE);
    note.writeUInt32LE(at, 0);
    note.writeUInt32LE(checksum, 4);
    if (this.#notes.push(note) === 1) this.#noting = this.#noting.then(() => this.#writeNotes());
  }

  async close(): Promise<void> {
    await this.#noting;
    await this.#file.close();
  }

  async remove(): Promise<void> {
    this.#notes = [];
    await this.close();
    await removeFiles(this.#path);
  }

  #placeOf(at: number): string {
    return `${this.number}:${at}`;
  }

  async #write(entries: readonly Buffer[], end: number): Promise<void> {
    const { bytesWritten } = await this.#file.writev(entries, this.#size);
    const expected = end - this.#size;
    if (bytesWritten !== expected) throw new Error(`${bytesWritten} bytes were taken, expected ${expected}`);
  }

  async #readBytes(at: number, length: number): Promise<Buffer> {
    const wanted = Math.min(length, this.#size - at);
    const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(wanted), 0, wanted, at);
    return buffer.subarray(0, bytesRead);
  }

  /** Without sync: what is lost with the machine's power is sent again, with its id and number. */
  async #writeNotes(): Promise<void> {
    const notes = Buffer.concat(this.#notes.splice(0));
    if (notes.length === 0) return;
    await appendFile(notesOf(this.#path), notes, { mode: 0o600 }).catch(() => undefined);
  }
}

interface Found {
  readonly schema: string;
  /** Where the first event begins. */
  readonly first: number;
  /** Where the last whole entry ends. */
  readonly size: number;
  readonly unsent: number;
  readonly sent: ReadonlyMap<number, number>;
}

function examine(path: string, bytes: Buffer, sent: ReadonlyMap<number, number>, isLast: boolean): Found {
  let schema: string | undefined;
  let [first, unsent, at] = [0, 0, 0];
  while (at < bytes.length) {
    const entry = parseEntry(bytes, at);
    if (typeof entry === 'string') {
      // A write that was not finished: the file ends within it, or has room for it that was never filled.
      const isTorn = entry === 'short' || bytes.subarray(at).every(byte => byte === 0);
      if (isLast && isTorn) break;
      throw damaged(path, at);
    }
    if (schema === undefined) {
      schema = readSchema(path, entry);
      first = entry.end;
    } else if (sent.get(at) !== entry.checksum) unsent += 1;
    at = entry.end;
  }
  return { schema: schema ?? '', first, size: at, unsent, sent };
}

function readSchema(path: string, entry: Parameters<typeof schemaOf>[0]): string {
  try {
    return schemaOf(entry);
  } catch (cause) {
    throw new SpoolError('damaged', `${path}: ${textOf(cause)}`, cause);
  }
}

async function readNotes(path: string): Promise<Map<number, number>> {
  const bytes = await readFile(notesOf(path)).catch(() => Buffer.alloc(0));
  const sent = new Map<number, number>();
  for (let at = 0; at + NOTE <= bytes.length; at += NOTE) sent.set(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4));
  return sent;
}

function damaged(path: string, at: number): SpoolError {
  const expected = 'expected an entry of the spool: keep the file, and move it away to go on without what is in it';
  return new SpoolError('damaged', `${path}: found bytes from ${at} on that do not match their checksum, ${expected}`);
}

const pathOf = (directory: string, number: number): string =>
  join(directory, `${String(number).padStart(12, '0')}.spool`);
const notesOf = (path: string): string => path.replace(/spool$/, 'sent');

/** In this order: notes without their entries say nothing. */
async function removeFiles(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(notesOf(path), { force: true });
}

async function cutBack(file: FileHandle, size: number): Promise<void> {
  await file.truncate(size);
  await file.datasync();
}

/** The names in it are to outlive a loss of power as well. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  await handle.sync().finally(() => handle.close());
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
