// Opens segments for the verifier: digest, and what the bytes come to. That is nearly all of its work, needs nothing but the bytes and the
// keys, and so may be done on any thread (segment-pool.ts).

import { hex } from '../../core/proof/bytes.ts';
import type { Crypto, Decompress } from '../../core/proof/crypto.ts';
import type { ReaderCache } from '../../core/proof/segment.ts';
import { readSegmentFacts, type SealTrust, type SegmentFacts } from '../../core/proof/segment-facts.ts';

/** What a version's bytes are. */
export interface ReadSegment {
  /** Hex SHA256. */
  readonly digest: string;
  readonly size: number;
  /** Null where it was not asked for, or can't be read. */
  readonly facts: SegmentFacts | null;
  /** Why it can't be read; null where it can, or was not asked for. */
  readonly unreadable: string | null;
}

export interface SegmentReader {
  /** Opens the bytes if their digest is `wanted`, or if that is null. Throws only where the verifier itself fails. */
  read(bytes: Uint8Array, wanted: string | null): Promise<ReadSegment>;
  close(): Promise<void>;
}

/** Reads on the thread that it is called on. */
export class LocalSegmentReader {
  readonly #crypto: Crypto;
  readonly #decompress: Decompress;
  readonly #trust: SealTrust;
  readonly #readers: ReaderCache = new Map();

  constructor(crypto: Crypto, decompress: Decompress, trust: SealTrust) {
    this.#crypto = crypto;
    this.#decompress = decompress;
    this.#trust = trust;
  }

  /** As {@link SegmentReader.read}, at once. */
  read(bytes: Uint8Array, wanted: string | null): ReadSegment {
    const digest = hex(this.#crypto.sha256(bytes));
    const size = bytes.length;
    if (wanted !== null && wanted !== digest) return { digest, size, facts: null, unreadable: null };
    try {
      const facts = readSegmentFacts(this.#crypto, bytes, digest, this.#decompress, this.#readers, this.#trust);
      return { digest, size, facts, unreadable: null };
    } catch (error) {
      return { digest, size, facts: null, unreadable: error instanceof Error ? error.message : String(error) };
    }
  }
}
