// Reads ahead of the checks, in the order of the log: manifests, and the segments that they list. A bucket answers in tens of milliseconds,
// and threads want to be fed, so many are under way at a time; by bytes as well as by number, so that memory does not grow with the
// archive. What is checked, and in which order, does not depend on what was read first.

import type { LogEntry } from '../../core/proof/log.ts';
import type { Audit } from './audit.ts';
import { type KnownBatch, placesOf, readBatch } from './batches.ts';
import { type ListedObject, readListed } from './segments.ts';

const maxManifests = 16;
/** With threads; alone, what is open already only waits. */
const maxSegments = 64;
const maxSegmentsAlone = 8;
/** Bytes of segments that were read, or are being read, and not checked yet; one that is larger comes alone. */
const maxBytes = 64 << 20;

interface Begun {
  readonly size: number;
  readonly reading: Promise<ListedObject>;
}

export class ReadAhead {
  readonly #audit: Audit;
  readonly #entries: readonly (LogEntry | null)[];
  /** Whether the segments of this batch are to be opened. */
  readonly #opens: (entry: LogEntry) => boolean;
  readonly #batches = new Map<number, Promise<KnownBatch | null>>();
  readonly #begun: Begun[] = [];
  readonly #maxSegments: number;
  #bytes = 0;
  #underWay = 0;
  #wake: (() => void)[] = [];
  #failure: { readonly cause: unknown } | null = null;
  #ends = false;
  /** Batches below are done with. */
  #done = 0;

  constructor(audit: Audit, entries: readonly (LogEntry | null)[], opens: (entry: LogEntry) => boolean) {
    this.#audit = audit;
    this.#entries = entries;
    this.#opens = opens;
    this.#maxSegments = (audit.workers ?? 1) > 1 ? maxSegments : maxSegmentsAlone;
    this.#run().catch(cause => {
      this.#failure = { cause };
      this.#changed();
    });
  }

  /** The k-th batch; null where the log's entry can't be read. */
  batch(k: number): Promise<KnownBatch | null> {
    for (let next = k; next < Math.min(this.#entries.length, k + maxManifests); next++) {
      const entry = this.#entries[next];
      if (this.#batches.has(next)) continue;
      const reading = entry ? readBatch(this.#audit, entry) : Promise.resolve(null);
      // Its failure is thrown where its turn comes; until then it must not end the process.
      reading.catch(() => {});
      this.#batches.set(next, reading);
    }
    return this.#batches.get(k) ?? Promise.resolve(null);
  }

  /** Lets go of the k-th batch. */
  forget(k: number): void {
    this.#batches.delete(k);
    this.#done = k + 1;
    this.#changed();
  }

  /** The next segment, in the order of batches and of their listings. */
  async segment(): Promise<ListedObject> {
    while (this.#begun.length === 0) {
      if (this.#failure) throw this.#failure.cause;
      await this.#change();
    }
    const next = this.#begun.shift();
    if (!next) throw new Error('nothing was begun');
    try {
      return await next.reading;
    } finally {
      this.#bytes -= next.size;
      this.#underWay--;
      this.#changed();
    }
  }

  /** Reads nothing further. */
  end(): void {
    this.#ends = true;
    this.#changed();
  }

  async #run(): Promise<void> {
    for (const [k, entry] of this.#entries.entries()) {
      while (!this.#ends && k >= this.#done + maxManifests) await this.#change();
      if (k < this.#done) continue;
      const batch = await this.batch(k);
      if (!entry || !batch?.manifest || !this.#opens(entry)) continue;
      for (const place of placesOf(batch.manifest)) {
        const size = this.#audit.inventory.bytes(place.listed.key);
        while (
          !this.#ends &&
          this.#underWay > 0 &&
          (this.#underWay >= this.#maxSegments || this.#bytes + size > maxBytes)
        )
          await this.#change();
        if (this.#ends) return;
        this.#bytes += size;
        this.#underWay++;
        const reading = readListed(this.#audit, place, batch.manifest.period);
        reading.catch(() => {});
        this.#begun.push({ size, reading });
        this.#changed();
      }
    }
  }

  #change(): Promise<void> {
    return new Promise(wake => this.#wake.push(wake));
  }

  #changed(): void {
    const woken = this.#wake;
    this.#wake = [];
    for (const wake of woken) wake();
  }
}
