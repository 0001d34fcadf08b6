// Which event came with a number, of as many of the latest numbers as fit into a fixed memory: so that one that came twice is told from
// another event with its number. Of a number that comes again after more than that it is only known that it came before.

/** Numbers of a page. */
const pageSize = 256;
/** 16 million numbers of instances that are busy: 64 MiB. */
const maxPages = 65_536;

/** What is known of a number. */
export type Known = 'new' | 'same' | 'other';

export class NumberPrints {
  /** By instance and page, the oldest first. */
  readonly #pages = new Map<string, Uint32Array>();
  #name = '';
  #page: Uint32Array = new Uint32Array(pageSize);

  /** Takes the prints of numbers that follow each other; answers what was known of each, or null where all are new. */
  take(instance: string, first: bigint, prints: Uint32Array, at: number, count: number): Known[] | null {
    const start = Number(first);
    // No instance counts so far; whoever claims to is told by the intervals alone.
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(start + count)) return null;
    let known: Known[] | null = null;
    let page: Uint32Array | null = null;
    for (let i = 0; i < count; i++) {
      const slot = (start + i) & (pageSize - 1);
      if (!page || slot === 0) page = this.#pageOf(instance, Math.floor((start + i) / pageSize));
      const print = prints[at + i] ?? 0;
      const before = page[slot] ?? 0;
      if (before === 0) page[slot] = print;
      else {
        known ??= new Array<Known>(count).fill('new');
        known[i] = before === print ? 'same' : 'other';
      }
    }
    return known;
  }

  #pageOf(instance: string, index: number): Uint32Array {
    const name = `${index} ${instance}`;
    if (name === this.#name) return this.#page;
    let page: Uint32Array | undefined = this.#pages.get(name);
    if (!page) {
      page = new Uint32Array(pageSize);
      this.#pages.set(name, page);
      const [oldest] = this.#pages.keys();
      if (this.#pages.size > maxPages && oldest !== undefined) this.#pages.delete(oldest);
    }
    [this.#name, this.#page] = [name, page];
    return page;
  }
}
