// What lies behind the log's last batch: segments that are sealed and written but not yet logged, or that no one accepts.

import { nodeCrypto } from '../../core/edge/crypto.ts';
import { endOfRow, type Manifest } from '../../core/proof/batch.ts';
import { type ChainEnd, chainAfter, chainStart, joinSeal } from '../../core/proof/chain.ts';
import { formatTime } from '../../core/proof/period.ts';
import { parseSegmentKey, type Segment } from '../../core/proof/segment.ts';
import type { ArchiveStore, ObjectVersion } from '../store.ts';

/** Where each partition's chain stands after the last batch. */
export type ChainEnds = Map<number, ChainEnd>;

export function endsOf(manifest: Manifest | null): ChainEnds {
  return new Map(manifest?.partitions.map(row => [row.partition, endOfRow(row)]));
}

/** Keys of segments that lie behind these ends, in key order, with their versions, the latest first. */
export async function* segmentsBehind(
  store: ArchiveStore,
  ends: ChainEnds,
  since: number | null,
): AsyncGenerator<{ key: string; versions: readonly ObjectVersion[] }> {
  for (const prefix of prefixesSince(since)) {
    for await (const group of byKey(store.list(prefix))) {
      const place = parseSegmentKey(group.key);
      if (!place) continue;
      const end = ends.get(place.partition) ?? chainStart;
      const isBehind =
        place.generation > end.generation || (place.generation === end.generation && place.first >= end.next);
      if (isBehind) yield group;
    }
  }
}

/** Days from this one on, as prefixes that a few listings cover, whatever the length of the archive. */
export function prefixesSince(since: number | null): string[] {
  if (since === null) return ['events/'];
  const [year = 0, month = 0, day = 0] = formatTime(since).slice(0, 10).split('-').map(Number);
  const two = (value: number) => String(value).padStart(2, '0');
  const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
  return [
    ...range(day, 31).map(d => `events/dt=${year}-${two(month)}-${two(d)}/`),
    ...range(month + 1, 12).map(m => `events/dt=${year}-${two(m)}-`),
    ...range(year + 1, Math.max(year, new Date().getUTCFullYear()) + 1).map(y => `events/dt=${y}-`),
  ];
}

async function* byKey(
  versions: AsyncIterable<ObjectVersion>,
): AsyncGenerator<{ key: string; versions: ObjectVersion[] }> {
  let group: { key: string; versions: ObjectVersion[] } | null = null;
  for await (const version of versions) {
    if (group && group.key !== version.key) {
      yield group;
      group = null;
    }
    group ??= { key: version.key, versions: [] };
    if (!version.isDeleteMarker) group.versions.push(version);
  }
  if (group) yield group;
}

/** Why a segment's seals do not go on from its partition's end; null: they do, and the end moves behind them. */
export function joinSegment(segment: Segment, ends: ChainEnds): string | null {
  const { partition } = segment.runs[0].sealed.seal;
  let end = ends.get(partition) ?? chainStart;
  for (const { sealed } of segment.runs) {
    const join = joinSeal(nodeCrypto.sha256, end, sealed.seal);
    if (!join.joins) return join.why;
    end = chainAfter(sealed.seal, sealed.hash);
  }
  ends.set(partition, end);
  return null;
}
