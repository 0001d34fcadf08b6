// All batches in the order of the log, and what they need to be locked until.

import type { ResolvedLog } from '../../core/proof/check-log.ts';
import type { BatchBefore } from '../../core/proof/check-manifest.ts';
import type { LogEntry } from '../../core/proof/log.ts';
import { parseTime } from '../../core/proof/period.ts';
import type { Audit } from './audit.ts';
import { checkBatch, type KnownBatch } from './batches.ts';
import type { LockRule } from './log.ts';
import { ReadAhead } from './read-ahead.ts';
import type { Progress } from './segments.ts';

/** How often locks of what the archive needs are extended at the least (section 6: daily), with a day's patience. */
const extensionPatience = 48 * 3_600_000;

/** What must be locked until when, from the latest `retainUntil` that the batches list one after the other. */
export function lockRule(
  batches: readonly { retainUntil: number; end: number }[],
  at: number,
  durationMs: number,
): LockRule {
  const latest: number[] = [];
  for (const { retainUntil } of batches) latest.push(Math.max(latest.at(-1) ?? 0, retainUntil));
  const settled = batches.findLastIndex(({ end }) => end <= at - extensionPatience - 2 * durationMs);
  return (size, extended) => {
    const written = latest[Math.min(size, latest.length) - 1] ?? 0;
    return extended ? Math.max(written, latest[settled] ?? 0) : written;
  };
}

/** Years of manifests are not kept in memory: their locks are checked by version and digest. */
function withoutBytes(batch: KnownBatch): KnownBatch {
  const versions = batch.stored.versions.map(one => ({ ...one, bytes: new Uint8Array() }));
  return { ...batch, manifest: null, stored: { ...batch.stored, versions } };
}

export interface CheckedBatches {
  readonly kept: { retainUntil: number; end: number }[];
  readonly known: (KnownBatch | null)[];
  readonly before: BatchBefore | null;
}

/** All batches in the order of the log; further ones are read while one is checked. */
export async function checkBatches(
  audit: Audit,
  progress: Progress,
  log: ResolvedLog,
  entries: readonly (LogEntry | null)[],
): Promise<CheckedBatches> {
  const opens = ({ period }: LogEntry) => {
    const start = parseTime(period) ?? 0;
    return (audit.from === null || start >= audit.from) && (audit.to === null || start < audit.to);
  };
  const ahead = new ReadAhead(audit, entries, opens);
  const read = async (k: number, told: boolean): Promise<KnownBatch | null> => {
    const batch = k < entries.length ? await ahead.batch(k) : null;
    if (batch && !told) audit.notes.add(batch.notes);
    return batch;
  };
  let before: BatchBefore | null = null;
  let told = -1;
  const kept: { retainUntil: number; end: number }[] = [];
  const known: (KnownBatch | null)[] = [];
  try {
    for (const [k, entry] of entries.entries()) {
      const batch = await read(k, told >= k);
      known.push(batch && withoutBytes(batch));
      if (!entry || !batch) {
        before = null;
        kept.push({ retainUntil: 0, end: 0 });
        ahead.forget(k);
        continue;
      }
      audit.counts.batches++;
      const next = () => {
        told = k + 1;
        return read(k + 1, false);
      };
      const segments = opens(entry) ? () => ahead.segment() : null;
      before = await checkBatch(audit, progress, batch, before, next, segments);
      kept.push({ retainUntil: batch.retainUntil, end: (parseTime(entry.period) ?? 0) + progress.trust.duration.ms });
      if (k >= (log.head?.size ?? 0)) {
        audit.notes.report(
          'unwitnessed',
          { object: `log entry ${k}`, period: entry.period, events: entry.events },
          'signed by the log, not yet under a checkpoint that the policy accepts',
        );
      }
      ahead.forget(k);
      audit.onProgress?.(k + 1, entries.length, entry.period);
    }
  } finally {
    ahead.end();
  }
  return { kept, known, before };
}
