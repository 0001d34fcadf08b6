// Segments are opened on several threads, in any order; who asked puts them in order again, so that a report does not depend on how many
// threads there were. What is under way is bounded by who asks (read-ahead.ts). A thread that fails ends the verification with an error:
// what it had under way was not checked.

import { Worker } from 'node:worker_threads';
import type { SealTrust } from '../../core/proof/segment-facts.ts';
import { AuditorError } from '../error.ts';
import type { VerifyOptions } from './audit.ts';
import { LocalSegmentReader, type ReadSegment, type SegmentReader } from './segment-reader.ts';
import type { SegmentAnswer, SegmentRequest } from './segment-worker.ts';

interface Waiting {
  readonly done: (read: ReadSegment) => void;
  readonly failed: (error: Error) => void;
}

/** What a thread makes of a segment lives until it is handed over: with less room it would be copied over and over. */
const youngMiB = 32;

/** A thread, and what it was asked for and has not answered. */
class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  /** Bytes that it has not answered. */
  load = 0;
  #failure: Error | null = null;
  #ends = false;
  #asked = 0;

  constructor(script: URL, trust: SealTrust) {
    this.#worker = new Worker(script, { workerData: trust, resourceLimits: { maxYoungGenerationSizeMb: youngMiB } });
    this.#worker.on('message', ({ id, read }: SegmentAnswer) => {
      this.load -= read.size;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      waiting?.done(read);
    });
    this.#worker.on('error', error => this.#fail(error));
    this.#worker.on('messageerror', error => this.#fail(error));
    this.#worker.on('exit', code => {
      if (!this.#ends) this.#fail(new Error(`it ended with ${code}`));
    });
  }

  read(bytes: Uint8Array, wanted: string | null): Promise<ReadSegment> {
    return new Promise((done, failed) => {
      if (this.#failure) return failed(this.#failure);
      const request: SegmentRequest = { id: this.#asked++, bytes, wanted };
      this.#waiting.set(request.id, { done, failed });
      this.load += bytes.length;
      this.#worker.postMessage(request);
    });
  }

  async end(): Promise<void> {
    this.#ends = true;
    await this.#worker.terminate();
  }

  #fail(cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause);
    const text = `a thread that opens segments failed (${why}): nothing is known of what it had to check; --workers 1 does without threads`;
    this.#failure ??= new AuditorError('unavailable', text, { cause });
    for (const { failed } of this.#waiting.values()) failed(this.#failure);
    this.#waiting.clear();
  }
}

const defaultFrom = 16 << 20;

type PoolOptions = Pick<VerifyOptions, 'crypto' | 'decompress' | 'workers' | 'threadsFrom'>;

export class SegmentPool implements SegmentReader {
  readonly #local: LocalSegmentReader;
  readonly #start: () => Thread[];
  readonly #from: number;
  #threads: Thread[] | null = null;
  #seen = 0;

  /** `script`: what a thread runs; another than segment-worker.ts in tests. */
  constructor(
    { crypto, decompress, workers = 1, threadsFrom = defaultFrom }: PoolOptions,
    trust: SealTrust,
    script = new URL('segment-worker.ts', import.meta.url),
  ) {
    this.#local = new LocalSegmentReader(crypto, decompress, trust);
    this.#from = workers > 1 ? threadsFrom : Number.POSITIVE_INFINITY;
    this.#start = () => Array.from({ length: workers }, () => new Thread(script, trust));
  }

  async read(bytes: Uint8Array, wanted: string | null): Promise<ReadSegment> {
    this.#seen += bytes.length;
    if (this.#seen < this.#from) return this.#local.read(bytes, wanted);
    this.#threads ??= this.#start();
    // The one that has least to do.
    const thread = this.#threads.reduce((least, one) => (one.load < least.load ? one : least));
    // Of a part of a larger buffer the whole would be sent.
    return thread.read(bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice(), wanted);
  }

  async close(): Promise<void> {
    await Promise.all((this.#threads ?? []).map(thread => thread.end()));
  }
}
