// A listing of all versions of all keys, as long as it may be: in blocks of keys that follow each other, of which memory holds the first and
// last key; the blocks themselves go to a file without a name as soon as they are many. One bit a key says whether the archive accounts
// for it.
//
// Keys come in order from every store that keeps to its contract. Where they do not, which somebody who plants objects may achieve on
// some servers, blocks overlap and all that may hold a key are looked at: slower, never wrong.

import { closeSync, mkdtempSync, openSync, readSync, rmdirSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectVersion } from '../store.ts';

type Row = readonly [
  key: string,
  versions: readonly (readonly [id: string | null, latest: boolean, marker: boolean, size: number, modified: number])[],
];

interface Block {
  readonly first: string;
  readonly last: string;
  readonly count: number;
  /** Number of its first key among all. */
  readonly base: number;
  accounted: number;
  /** Rows as JSON: in memory, or where they are in the file. */
  text: string | null;
  at: number;
  length: number;
}

/** A block's keys, each with its number in the block. */
type Opened = ReadonlyMap<string, { readonly index: number; readonly versions: readonly ObjectVersion[] }>;

const blockKeys = 256;
const maxInMemory = 8 << 20;
const maxOpened = 64;

export class Listing {
  readonly #blocks: Block[] = [];
  readonly #opened = new Map<Block, Opened>();
  #rows: Row[] = [];
  #keys = 0;
  #inOrder = true;
  #inMemory = 0;
  #file: number | null = null;
  #fileLength = 0;
  #accounted = new Uint8Array(1024);

  /** Lists what begins with `prefix`, but for `aside/`, where nothing is evidence. */
  static async of(versions: AsyncIterable<ObjectVersion>): Promise<Listing> {
    const listing = new Listing();
    let key: string | null = null;
    let own: ObjectVersion[] = [];
    for await (const version of versions) {
      if (version.key.startsWith('aside/')) continue;
      if (version.key !== key) {
        if (key !== null) listing.#add(key, own);
        [key, own] = [version.key, []];
      }
      own.push(version);
    }
    if (key !== null) listing.#add(key, own);
    listing.#endBlock();
    return listing;
  }

  get size(): number {
    return this.#keys;
  }

  /** Versions of a key; null where it was not listed. */
  versions(key: string): readonly ObjectVersion[] | null {
    const found = this.#blocksOf(key).flatMap(block => this.#open(block).get(key)?.versions ?? []);
    return found.length > 0 ? found : null;
  }

  /** Marks a key as accounted for; false where it was not listed. */
  account(key: string): boolean {
    let isListed = false;
    for (const block of this.#blocksOf(key)) {
      const found = this.#open(block).get(key);
      if (!found) continue;
      isListed = true;
      const at = block.base + found.index;
      const byte = this.#accounted[at >> 3] ?? 0;
      const bit = 1 << (at & 7);
      if ((byte & bit) === 0) block.accounted++;
      this.#accounted[at >> 3] = byte | bit;
    }
    return isListed;
  }

  isAccounted(key: string): boolean {
    return this.#blocksOf(key).some(block => {
      const found = this.#open(block).get(key);
      return found !== undefined && this.#bit(block.base + found.index);
    });
  }

  /** Keys that begin with `prefix`; only those that are not accounted for, where that is asked. */
  *keys(prefix: string, unaccounted: boolean): Generator<string> {
    for (const block of this.#blocks) {
      if (block.last < prefix || (block.first > prefix && !block.first.startsWith(prefix))) continue;
      if (unaccounted && block.accounted === block.count) continue;
      for (const [key, { index }] of this.#open(block))
        if (key.startsWith(prefix) && !(unaccounted && this.#bit(block.base + index))) yield key;
    }
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  #bit(at: number): boolean {
    return ((this.#accounted[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }

  #add(key: string, versions: readonly ObjectVersion[]): void {
    const last = this.#rows.at(-1)?.[0];
    if (this.#rows.length === blockKeys || (last !== undefined && key <= last)) this.#endBlock();
    const before = this.#rows.at(-1)?.[0] ?? this.#blocks.at(-1)?.last;
    if (before !== undefined && key <= before) this.#inOrder = false;
    this.#rows.push([
      key,
      versions.map(one => [one.versionId, one.isLatest, one.isDeleteMarker, one.size, one.lastModified] as const),
    ]);
    this.#keys++;
  }

  #endBlock(): void {
    const [first, last] = [this.#rows[0]?.[0], this.#rows.at(-1)?.[0]];
    if (first === undefined || last === undefined) return;
    const count = this.#rows.length;
    const text = JSON.stringify(this.#rows);
    this.#blocks.push({ first, last, count, base: this.#keys - count, accounted: 0, text, at: 0, length: 0 });
    this.#rows = [];
    this.#inMemory += text.length;
    if (this.#keys > this.#accounted.length * 8) {
      const grown = new Uint8Array(this.#accounted.length * 2);
      grown.set(this.#accounted);
      this.#accounted = grown;
    }
    if (this.#inMemory > maxInMemory) this.#putAside();
  }

  /** Writes the blocks that are in memory to the file. */
  #putAside(): void {
    this.#file ??= openUnnamed();
    for (const block of this.#blocks) {
      if (block.text === null) continue;
      const bytes = Buffer.from(block.text);
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#file, bytes, done, bytes.length - done, this.#fileLength + done);
      Object.assign(block, { text: null, at: this.#fileLength, length: bytes.length });
      this.#fileLength += bytes.length;
    }
    this.#inMemory = 0;
  }

  #textOf({ text, at, length }: Block): string {
    if (text !== null) return text;
    if (this.#file === null) throw new Error('the listing is closed');
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const read = readSync(this.#file, bytes, done, length - done, at + done);
      if (read === 0) throw new Error('the listing that was put aside is cut short');
      done += read;
    }
    return bytes.toString();
  }

  #open(block: Block): Opened {
    const known = this.#opened.get(block);
    if (known) return known;
    const rows: Row[] = JSON.parse(this.#textOf(block));
    const opened: Opened = new Map(
      rows.map(([key, versions], index) => [
        key,
        {
          index,
          versions: versions.map(([versionId, isLatest, isDeleteMarker, size, lastModified]) => ({
            ...{ key, versionId, isLatest, isDeleteMarker, size, lastModified },
          })),
        },
      ]),
    );
    this.#opened.set(block, opened);
    const [oldest] = this.#opened.keys();
    if (this.#opened.size > maxOpened && oldest) this.#opened.delete(oldest);
    return opened;
  }

  /** Blocks that may hold a key. */
  #blocksOf(key: string): Block[] {
    if (!this.#inOrder) return this.#blocks.filter(({ first, last }) => first <= key && key <= last);
    let [low, high] = [0, this.#blocks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle]?.last ?? '') < key) low = middle + 1;
      else high = middle;
    }
    const block = this.#blocks[low];
    return block && block.first <= key ? [block] : [];
  }
}

/** A file that nobody else opens, and that is gone with the process, however it ends. */
function openUnnamed(): number {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-verify-'));
  const path = join(folder, 'listing');
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  rmdirSync(folder);
  return file;
}
