// The records of a batch on their way to the run. What has its schema and its keys at hand is prepared the moment the run takes it, so
// that nothing of it is alive when the next one comes: most of the collector's work was what waited here. Only where something has to be
// waited for are records prepared ahead, and the keys of many asked for together.

import type { FetchedBatch, FetchedRecord } from '../../core/edge/kafka/index.ts';
import type { NormalizerContext } from './context.ts';
import { type Place, schemaIdOf } from './decide.ts';
import { ownersIn, type Prepared, prepare } from './pipeline.ts';
import { type SourceVerdict, verdictsOf } from './sources/index.ts';
import { type NoSchema, SCHEMA_WINDOW, type WriterSchema } from './writer-schema.ts';

/** Records whose keys are asked for together. */
const together = { records: 128, owners: 5000 };
/** Groups of these that may wait for their keys. */
const groupsAhead = 4;

/** Records that are prepared together. */
interface Group {
  readonly records: readonly Prepared[];
  readonly owners: number;
  /** Resolves when the keys of all are in memory; `isReady` tells that it has. */
  readonly keys: Promise<void>;
  isReady: boolean;
}

export class Preparation {
  readonly #context: Pick<NormalizerContext, 'parts' | 'writers'>;
  readonly #place: Place;
  readonly #signal: AbortSignal;
  readonly #records: readonly FetchedRecord[];
  readonly #sourceOf: ((raw: FetchedRecord) => SourceVerdict) | null;
  /** The first that is not prepared yet. */
  #at = 0;
  /** The writers of the records before it were asked for. */
  #learned = 0;
  /** The schema id of the record before, and its writer: most of a batch have the same. */
  #lastId: number | null = null;
  #lastWriter: WriterSchema | NoSchema | undefined;
  /** Was prepared when its keys were found not to be at hand. */
  #waiting: Prepared | null = null;
  readonly #ahead: Group[] = [];
  /** The next one of the first group. */
  #taken = 0;

  constructor(
    context: Pick<NormalizerContext, 'parts' | 'writers'>,
    place: Place,
    batch: FetchedBatch,
    signal: AbortSignal,
  ) {
    this.#context = context;
    this.#place = place;
    this.#records = batch.records;
    const { services } = context.parts;
    this.#sourceOf = services && verdictsOf(batch, services);
    this.#signal = signal;
  }

  /** Whether all records were taken. */
  get isDone(): boolean {
    return this.#at === this.#records.length && this.#waiting === null && this.#ahead.length === 0;
  }

  /** The next record, with all that finishing it takes at hand; null: there is none, or {@link ready} has to be waited for. */
  take(): Prepared | null {
    const group = this.#ahead[0];
    if (group) return group.isReady ? this.#takeFrom(group) : null;
    const raw = this.#records[this.#at];
    if (raw === undefined || this.#waiting !== null || this.#at >= this.#learned) return null;
    const { parts } = this.#context;
    const id = idOf(raw);
    const writer = id === null ? undefined : this.#known(id);
    if (id !== null && writer === undefined) return null;
    this.#at++;
    const prepared = prepare(raw, this.#place, writer, Date.now() * 1000, parts, this.#sourceOf?.(raw));
    if (prepared.sealing === null || parts.ring === null || parts.ring.holds(prepared.sealing.owners)) return prepared;
    this.#waiting = prepared;
    return null;
  }

  /** Resolves when {@link take} has a record, if there is one. */
  async ready(): Promise<void> {
    if (this.#at >= this.#learned) await this.#learnWriters();
    const raw = this.#records[this.#at];
    if (this.#waiting !== null || this.#ahead.length > 0) await this.#fetchAhead();
    else if (raw) await this.#writerOf(raw);
  }

  #known(id: number): WriterSchema | NoSchema | undefined {
    if (id === this.#lastId && this.#lastWriter !== undefined) return this.#lastWriter;
    this.#lastId = id;
    this.#lastWriter = this.#context.writers.known(id);
    return this.#lastWriter;
  }

  #takeFrom(group: Group): Prepared | null {
    const prepared = group.records[this.#taken++] ?? null;
    if (this.#taken >= group.records.length) {
      this.#ahead.shift();
      this.#taken = 0;
    }
    return prepared;
  }

  /** While the keys of some records are fetched, further ones are prepared and theirs asked for. */
  async #fetchAhead(): Promise<void> {
    let owners = this.#ahead.reduce((sum, group) => sum + group.owners, 0);
    while (
      (this.#waiting !== null || this.#at < this.#records.length) &&
      this.#ahead.length < groupsAhead &&
      owners < together.owners &&
      this.#ahead[0]?.isReady !== true
    ) {
      const group = await this.#prepareSome();
      owners += group.owners;
      this.#ahead.push(group);
      await new Promise(resolve => setImmediate(resolve));
    }
    await this.#ahead[0]?.keys;
  }

  async #prepareSome(): Promise<Group> {
    const { parts } = this.#context;
    const ready: Prepared[] = [];
    let owners = 0;
    const add = (prepared: Prepared): void => {
      ready.push(prepared);
      owners += prepared.sealing?.owners.length ?? 0;
    };
    if (this.#waiting) add(this.#waiting);
    this.#waiting = null;
    while (this.#at < this.#records.length && ready.length < together.records && owners < together.owners) {
      if (this.#at >= this.#learned) await this.#learnWriters();
      const raw = this.#records[this.#at++] as FetchedRecord;
      add(prepare(raw, this.#place, await this.#writerOf(raw), Date.now() * 1000, parts, this.#sourceOf?.(raw)));
    }
    const keys = parts.ring?.prepare(ownersIn(ready), this.#signal) ?? Promise.resolve();
    const group = { records: ready, owners, keys, isReady: false };
    // A failure is told when its turn comes.
    keys.then(
      () => {
        group.isReady = true;
      },
      () => {},
    );
    return group;
  }

  /** Ids that are news are asked for together: each may take a while to be found to be nobody's. */
  async #learnWriters(): Promise<void> {
    const ids = new Set<number>();
    for (const raw of this.#records.slice(this.#learned, this.#learned + SCHEMA_WINDOW)) {
      const id = idOf(raw);
      if (id !== null) ids.add(id);
    }
    this.#learned += SCHEMA_WINDOW;
    if (ids.size > 1) await this.#context.writers.prepare(ids, this.#signal);
  }

  async #writerOf(raw: FetchedRecord): Promise<WriterSchema | NoSchema | undefined> {
    const { writers } = this.#context;
    const id = idOf(raw);
    return id === null ? undefined : (writers.known(id) ?? (await writers.find(id, this.#signal)));
  }
}

/** Of its schema; null: it names none. */
function idOf({ value, unheld }: FetchedRecord): number | null {
  const id = unheld ? null : schemaIdOf(value);
  return typeof id === 'number' ? id : null;
}
