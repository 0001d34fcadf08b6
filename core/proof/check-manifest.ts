// Whether a manifest is what the log's entry commits to, goes on from the batch before it, and adds up (archive format, section 4).

import { endOfRow, type ListedSegment, type Manifest, type PartitionRow } from './batch.ts';
import { equalBytes } from './bytes.ts';
import { type ChainEnd, chainStart } from './chain.ts';
import { isSameSeal } from './check-segment.ts';
import type { Notebook, Where } from './finding.ts';
import type { LogEntry } from './log.ts';
import { type Duration, formatTime, periodOf } from './period.ts';
import { segmentKey } from './segment.ts';

/** The batch before, as far as it is known. */
export interface BatchBefore {
  readonly period: string;
  /** Digest that the log's entry gives its manifest. */
  readonly sha256: string;
  /** Its rows' ends; null where its manifest can't be read. */
  readonly ends: readonly ChainEnd[] | null;
}

/** What a listing says by itself, and against the chain before it: all that is left of a segment once it has expired. */
function checkListed(
  segment: ListedSegment,
  partition: number,
  end: ChainEnd | null,
  duration: Duration,
  row: Where,
  notebook: Notebook,
): void {
  const { key, generation, first, next, events, seals, sealed, occurredAt } = segment;
  const where = { ...row, object: key, offsets: { first, next }, events };
  const differs = (text: string) => notebook.finding('manifest-differs', where, text);
  const expected = segmentKey({ partition, generation, first, sealedAt: sealed.first });
  if (key !== expected) differs(`listed as ${key}, expected ${expected}`);
  if (periodOf(duration, sealed.first) !== periodOf(duration, sealed.last))
    differs('listed with sealing times in two periods');
  if (end && end.lastSeal !== null && sealed.first < end.sealedAt) {
    differs(
      `listed as sealed at ${formatTime(sealed.first)}, before the segment that it follows (${formatTime(end.sealedAt)})`,
    );
  }
  if (seals < 1 || events < seals || BigInt(events) > next - first) {
    differs(`listed with ${events} events and ${seals} seals over ${next - first} raw offsets`);
  }
  // As texts: both are of the same form, but for years that have more than four digits.
  if (occurredAt.min.length === occurredAt.max.length && occurredAt.min > occurredAt.max)
    differs('its earliest event is later than its latest');
}

function checkRow(
  row: PartitionRow,
  before: ChainEnd | null,
  duration: Duration,
  where: Where,
  notebook: Notebook,
): void {
  const place = { ...where, partition: row.partition };
  for (const name of ['events', 'seals'] as const) {
    const sum = row.segments.reduce((total, segment) => total + segment[name], 0);
    if (sum !== row[name])
      notebook.finding('manifest-differs', place, `the row counts ${row[name]} ${name}, its segments ${sum}`);
  }
  const spans = row.segments.reduce((total, segment) => total + segment.next - segment.first, 0n);
  if (BigInt(row.events) + BigInt(row.skipped) + BigInt(row.lost) !== spans) {
    const sum = `${row.events} events, ${row.skipped} skipped and ${row.lost} lost`;
    notebook.finding('manifest-differs', place, `${sum} do not add up to the ${spans} raw offsets of its segments`);
  }
  let end = before;
  for (const segment of row.segments) {
    checkListed(segment, row.partition, end, duration, place, notebook);
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
  duration: Duration,
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
  for (const row of manifest.partitions)
    checkRow(row, known && (known[row.partition] ?? chainStart), duration, where, notebook);
}

/** Where each partition's chain stands after a manifest. */
export function endsOf(manifest: Manifest, before: readonly ChainEnd[]): ChainEnd[] {
  return manifest.partitions.map((row, partition) => endOfRow(row, before[partition] ?? chainStart));
}
