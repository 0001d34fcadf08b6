// A thread that opens segments for the verifier (see segment-pool.ts): gets bytes, answers what they come to.

import { parentPort, workerData } from 'node:worker_threads';
import { nodeDecompress } from '../../core/edge/compression.ts';
import { nodeCrypto } from '../../core/edge/crypto.ts';
import type { SealTrust } from '../../core/proof/segment-facts.ts';
import { LocalSegmentReader, type ReadSegment } from './segment-reader.ts';

export interface SegmentRequest {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly wanted: string | null;
}

export interface SegmentAnswer {
  readonly id: number;
  readonly read: ReadSegment;
}

const reader = new LocalSegmentReader(nodeCrypto, nodeDecompress, workerData as SealTrust);

parentPort?.on('message', ({ id, bytes, wanted }: SegmentRequest) => {
  const answer: SegmentAnswer = { id, read: reader.read(bytes, wanted) };
  const numbers = answer.read.facts?.numbers;
  // Handed over, not copied: they were made for this answer.
  const columns = numbers ? [numbers.firsts, numbers.counts, numbers.prints, numbers.offsets, numbers.runs] : [];
  parentPort?.postMessage(
    answer,
    columns.map(({ buffer }) => buffer as ArrayBuffer),
  );
});
