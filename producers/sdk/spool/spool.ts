/**
 * A directory of segments, in order: what earlier processes left comes first, and is read like what this one appends. One
 * process at a time has it (lock.ts). A segment goes as a whole, once all in it is sent.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeEvent, type Spoolable } from './entry.ts';
import { SpoolError } from './error.ts';
import { type Lock, tryLock } from './lock.ts';
import { Segment, type Spooled, syncDirectory } from './segment.ts';

export interface SpoolSettings {
  readonly directory: string;
  readonly maxBytes: number;
  /** Text of the schema that new events are written by. */
  readonly schema: string;
}

const SEGMENT_BYTES = 8_388_608;
const LOCK_PAUSE_MS = 100;

export class Spool {
  readonly #settings: SpoolSettings;
  readonly #lock: Lock;
  /** In order; the active one is the last. */
  readonly #segments: Segment[];
  #active: Segment | undefined;
  #nextNumber: number;
  #unsent = 0;
  #bytes = 0;
  readonly #removals = new Set<Promise<void>>();

  private constructor(settings: SpoolSettings, lock: Lock, segments: Segment[], nextNumber: number) {
    this.#settings = settings;
    this.#lock = lock;
    this.#segments = segments;
    this.#nextNumber = nextNumber;
    this.#unsent = segments.reduce((sum, { unsent }) => sum + unsent, 0);
    this.#sweep();
  }

  /** Waits for a process that has it until `patience` says no. Throws SpoolError, or what the file system has to say. */
  static async open(settings: SpoolSettings, patience: () => boolean): Promise<Spool> {
    const { directory } = settings;
    await makeDirectory(directory);
    const lock = await waitForLock(directory, patience);
    const segments: Segment[] = [];
    try {
      const numbers = await segmentNumbers(directory);
      for (const number of numbers) {
        const segment = await Segment.recover(directory, number, number === numbers.at(-1));
        if (segment !== null) segments.push(segment);
      }
      return new Spool(settings, lock, segments, (numbers.at(-1) ?? 0) + 1);
    } catch (error) {
      await Promise.all(segments.map(segment => segment.close()));
      await lock.release();
      throw error;
    }
  }

  /** Events on disk that Kafka is not known to have. */
  get unsent(): number {
    return this.#unsent;
  }

  /** Bytes that it may still take. */
  get room(): number {
    return this.#settings.maxBytes - this.#bytes;
  }

  /** Whether there is nothing to read. */
  get isRead(): boolean {
    return this.#segments.every(segment => segment.isRead);
  }

  /** They are on disk when it resolves with their places. One call at a time. Throws SpoolError. */
  async append(events: readonly Spoolable[]): Promise<string[]> {
    const entries = events.map(encodeEvent);
    const segment = await this.#segmentFor(entries.reduce((sum, entry) => sum + entry.length, 0));
    try {
      const places = await segment.append(entries);
      this.#unsent += entries.length;
      return places;
    } catch (error) {
      // What the system knows of this file is not certain any more.
      this.#active = undefined;
      throw error;
    } finally {
      this.#sweep();
    }
  }

  /** Events that were not read before, in order; none where there are no more. One call at a time. Throws SpoolError. */
  async read(): Promise<Spooled[]> {
    for (const segment of [...this.#segments]) {
      const events = await segment.readNext();
      if (events.length > 0) return events;
    }
    this.#sweep();
    return [];
  }

  /** Kafka has it. */
  markSent({ segment, at, checksum }: Spooled): void {
    segment.markSent(at, checksum);
    this.#unsent -= 1;
    if (segment.unsent === 0) this.#sweep();
  }

  /** What was not sent stays for the next process. */
  async close(): Promise<void> {
    this.#active = undefined;
    this.#sweep();
    try {
      await Promise.all([...this.#segments.map(segment => segment.close()), ...this.#removals]);
    } finally {
      await this.#lock.release();
    }
  }

  async #segmentFor(bytes: number): Promise<Segment> {
    const { directory, maxBytes, schema } = this.#settings;
    const { size, unsent } = this.#active ?? { size: 0, unsent: 0 };
    // What was sent of a file takes room again with the first event that follows.
    const isFull = size + bytes > Math.min(SEGMENT_BYTES, maxBytes / 4) || (unsent === 0 && size + bytes > this.room);
    if (this.#active !== undefined && !(isFull && this.#active.hasEvents)) return this.#active;
    this.#active = await Segment.create(directory, this.#nextNumber, schema);
    this.#nextNumber += 1;
    this.#segments.push(this.#active);
    return this.#active;
  }

  /** Removes what is spent, and counts what is left. */
  #sweep(): void {
    const isSpent = (segment: Segment): boolean => segment !== this.#active && segment.unsent === 0 && segment.isRead;
    for (const segment of this.#segments.filter(isSpent)) {
      this.#segments.splice(this.#segments.indexOf(segment), 1);
      // A file that can't be removed is sent again by the next process: doubled, never lost.
      const removal: Promise<void> = segment
        .remove()
        .catch(() => undefined)
        .finally(() => this.#removals.delete(removal));
      this.#removals.add(removal);
    }
    this.#bytes = this.#segments.reduce((sum, { unsent, size }) => sum + (unsent > 0 ? size : 0), 0);
  }
}

/** Events are in it in clear: nobody else's to read. */
async function makeDirectory(directory: string): Promise<void> {
  const made = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  for (let at = directory; at.length >= made.length; at = dirname(at)) await syncDirectory(dirname(at));
}

async function waitForLock(directory: string, patience: () => boolean): Promise<Lock> {
  for (;;) {
    const lock = await tryLock(directory);
    if (lock !== null) return lock;
    if (!patience()) {
      const expected = 'expected one process to have it: give each its own directory';
      throw new SpoolError('locked', `${directory}: found another process that has this spool, ${expected}`);
    }
    // Unevenly: two that withdraw for each other do not do so for ever.
    await delay(LOCK_PAUSE_MS * (0.5 + Math.random()));
  }
}

/** In order; notes whose segment is gone are removed. */
async function segmentNumbers(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  for (const name of names.filter(one => /^\d+\.sent$/.test(one))) {
    if (!names.includes(name.replace(/sent$/, 'spool'))) await rm(join(directory, name), { force: true });
  }
  return names
    .filter(name => /^\d+\.spool$/.test(name))
    .map(name => Number.parseInt(name, 10))
    .sort((a, b) => a - b);
}
