// All that the archiver's partitions and its sealer depend on.

import type { Bucket } from '../../core/edge/s3/bucket.ts';
import type { ArchiveReader } from '../../core/edge/s3/segment-object.ts';
import type { Signer } from '../../core/proof/note.ts';
import type { Backlog } from './backlog.ts';
import type { ArchiverEvents } from './events.ts';
import type { RetentionDemand } from './retention-demand.ts';

/** Limits that a test, or a platform team, may set otherwise. */
export interface Limits {
  readonly segmentBytes: number;
  readonly segmentAgeMs: number;
}

export interface ArchiverContext {
  readonly bucket: Bucket;
  readonly reader: ArchiveReader;
  readonly logKey: Signer;
  /** How long each object is locked at least, ms. */
  readonly retentionMs: number;
  /** What demands more than that; absent: nothing does. */
  readonly demand?: RetentionDemand | undefined;
  readonly limits: Limits;
  /** What waits in all partitions. */
  readonly backlog: Backlog;
  readonly events: ArchiverEvents;
  /** The text that the registry answers for a schema id, byte for byte. */
  schemaText(id: number): Promise<string>;
  /** This program's clock, ms since 1970. */
  now(): number;
}

/** How long any segment may come to be locked, ms: what all else has to outlive. */
export function longestRetentionMs({ retentionMs, demand }: Pick<ArchiverContext, 'retentionMs' | 'demand'>): number {
  return Math.max(retentionMs, demand?.longestMs ?? 0);
}
