// Whether a manifest is what the log's entry commits to, goes on from the batch before it, and adds up (archive format, section 4).

import { endOfRow, type Manifest, type PartitionRow } from './batch.ts';
import { equalBytes } from './bytes.ts';
import { type ChainEnd, chainStart } from './chain.ts';
import { isSameSeal } from './check-segment.ts';
import type { Notebook, Where } from './finding.ts';
import type { LogEntry } from './log.ts';

/** The batch before, as far as it is known. */
export interface BatchBefore {
  readonly period: string;
  /** Digest that the log's entry gives its manifest. */
  readonly sha256: string;
  /** Its rows' ends; null where its manifest can't be read. */
  readonly ends: readonly ChainEnd[] | null;
}

function checkRow(row: PartitionRow, before: ChainEnd | null, where: Where, notebook: Notebook): void {
  const place = { ...where, partition: row.partition };
  for (const name of ['events', 'seals'] as const) {
    const sum = row.segments.reduce((total, segment) => total + segment[name], 0);
    if (sum !== row[name])
      notebook.finding('manifest-differs', place, `the row counts ${row[name]} ${name}, its segments ${sum}`);
  }
  let end = before;
  for (const segment of row.segments) {
    if (segment.next <= segment.first)
      notebook.finding(
        'manifest-differs',
        { ...place, object: segment.key },
        'a segment whose range of offsets is empty',
      );
    if (end && end.lastSeal !== null && segment.generation === end.generation && segment.first !== end.next) {
      const offsets = { first: end.next, next: segment.first };
      notebook.finding(
        'chain-broken',
        { ...place, offsets },
        `the row goes on at raw offset ${segment.first}, expected ${end.next}`,
      );
    }
    if (end && segment.generation < end.generation)
      notebook.finding('manifest-differs', place, `generation ${segment.generation} after ${end.generation}`);
    end = {
      generation: segment.generation,
      next: segment.next,
      lastSeal: segment.lastSeal,
      sealedAt: segment.sealed.last,
    };
  }
  if (end && (row.generation !== end.generation || row.next !== end.next || !isSameSeal(row.lastSeal, end.lastSeal))) {
    notebook.finding(
      'manifest-differs',
      place,
      `the row stands at generation ${row.generation}, raw offset ${row.next}; its segments lead to generation ${end.generation}, raw offset ${end.next}`,
    );
  }
}

/** Checks a manifest whose bytes and signature are right; segments are checked apart. */
export function checkManifest(
  manifest: Manifest,
  entry: LogEntry,
  before: BatchBefore | null,
  where: Where,
  notebook: Notebook,
): void {
  const differs = (what: string, found: unknown, expected: unknown) => {
    if (found !== expected)
      notebook.finding('manifest-differs', where, `its ${what} is ${found}, expected ${expected}`);
  };
  differs('origin', manifest.origin, entry.origin);
  differs('period', manifest.period, entry.period);
  differs('duration', manifest.duration, entry.duration);
  differs("count of events (against the log's entry)", manifest.events, entry.events);
  differs("count of seals (against the log's entry)", manifest.seals, entry.seals);
  if (!equalBytes(manifest.root, entry.root))
    notebook.finding('batch-root', where, "the batch root is not the one in the log's entry");
  for (const name of ['events', 'skipped', 'lost', 'seals'] as const) {
    differs(
      `count of ${name} (against its rows)`,
      manifest[name],
      manifest.partitions.reduce((total, row) => total + row[name], 0),
    );
  }
  differs('previous batch', manifest.previous?.period ?? null, before?.period ?? null);
  differs("previous manifest's digest", manifest.previous?.sha256 ?? null, before?.sha256 ?? null);
  const known = before === null ? [] : before.ends;
  if (known && manifest.partitions.length < known.length) {
    notebook.finding(
      'partitions-fell',
      where,
      `it has ${manifest.partitions.length} rows, the batch before had ${known.length}`,
    );
  }
  for (const row of manifest.partitions) checkRow(row, known && (known[row.partition] ?? chainStart), where, notebook);
}

/** Where each partition's chain stands after a manifest. */
export function endsOf(manifest: Manifest, before: readonly ChainEnd[]): ChainEnd[] {
  return manifest.partitions.map((row, partition) => endOfRow(row, before[partition] ?? chainStart));
}
