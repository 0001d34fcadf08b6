// Attackers with the archiver's key: manifests and log are what they want them to be, and signed. What gives them away is what the
// normalizer's seals say, the chain, and a witness. They work over the golden archive: its normalizer's key stays out of reach.

import type { ListedSegment, Manifest } from '../../core/proof/batch.ts';
import { cloneObjects, latest, type Objects, putVersion } from '../archive-objects.ts';
import { type RelogHooks, relog, withRow } from '../archive-relog.ts';
import { goldenTrust } from '../unit/auditor/verifying.ts';
import type { Attack } from './attack.ts';
import { golden } from './golden.ts';

const hour = 3_600_000;

interface Row extends RelogHooks {
  readonly name: string;
  /** Done to the objects before the log is written anew. */
  readonly play?: (objects: Objects) => void;
  readonly found: Attack['found'];
}

const inBatch = (k: number, change: (manifest: Manifest) => Manifest) => (manifest: Manifest, at: number) =>
  at === k ? change(manifest) : manifest;
const row0 = (change: Parameters<typeof withRow>[2]) => inBatch(1, manifest => withRow(manifest, 0, change));
const listed0 = (change: (segment: ListedSegment) => Partial<ListedSegment>) =>
  row0(row => ({
    segments: row.segments.map((segment, i) => (i === 0 ? { ...segment, ...change(segment) } : segment)),
  }));
const dropped = 'events/dt=2026-01-05/hour=11/00000-000-00000000000000000012.avro';

const rows: readonly Row[] = [
  {
    name: 'a segment left out of its batch and removed',
    play: o => o.delete(dropped),
    manifest: row0(row => ({ segments: row.segments.slice(1), events: 1, seals: 1 })),
    found: ['batch-root', 'chain-broken', 'manifest-differs'],
  },
  {
    name: 'a segment listed twice',
    manifest: row0(row => ({ segments: [...row.segments.slice(0, 1), ...row.segments] })),
    found: ['chain-broken', 'manifest-differs'],
  },
  {
    name: 'segments listed in another order',
    manifest: row0(row => ({ segments: row.segments.toReversed() })),
    found: ['chain-broken'],
  },
  {
    name: 'a segment listed with another count of events',
    manifest: listed0(segment => ({ events: segment.events - 1 })),
    found: ['segment-differs'],
  },
  {
    name: 'a segment listed with another end',
    manifest: listed0(segment => ({ next: segment.next + 1n })),
    found: ['segment-differs'],
  },
  {
    name: 'a segment listed with another last seal',
    manifest: listed0(() => ({ lastSeal: new Uint8Array(32) })),
    found: ['segment-differs'],
  },
  {
    name: 'a segment listed with other times of its events',
    manifest: listed0(() => ({
      occurredAt: { min: '2026-01-05T11:00:00.000000Z', max: '2026-01-05T11:00:00.000000Z' },
    })),
    found: ['segment-differs'],
  },
  {
    name: 'a segment listed with another schema',
    manifest: listed0(() => ({ schema: '0'.repeat(64) })),
    found: ['segment-differs'],
  },
  {
    name: 'a segment listed under a key of another hour',
    play: o => {
      o.set(dropped.replace('hour=11', 'hour=10'), o.get(dropped) ?? []);
      o.delete(dropped);
    },
    manifest: listed0(() => ({ key: dropped.replace('hour=11', 'hour=10') })),
    found: ['segment-differs'],
  },
  {
    name: 'a segment that is to expire sooner than was promised',
    manifest: listed0(() => ({ retainUntil: '2026-01-05T11:30:00Z' })),
    found: ['retention-short'],
  },
  {
    name: 'events cut out of a segment behind the seal',
    play: o =>
      putVersion(o, dropped, latest(o, 'events/dt=2026-01-05/hour=11/00000-000-00000000000000000038.avro').bytes),
    refresh: true,
    found: ['chain-broken', 'segment-differs'],
  },
  {
    name: 'a batch root of its own',
    manifest: inBatch(1, m => ({ ...m, root: new Uint8Array(32) })),
    found: ['batch-root'],
  },
  {
    name: 'a batch that names another before it',
    manifest: inBatch(2, m => ({ ...m, previous: m.previous && { ...m.previous, sha256: '0'.repeat(64) } })),
    found: ['manifest-differs'],
  },
  {
    name: 'a batch that begins anew',
    manifest: inBatch(2, m => ({ ...m, previous: null })),
    found: ['manifest-differs'],
  },
  {
    name: 'totals that hide a loss',
    manifest: inBatch(1, m => ({ ...m, events: m.events - 1, skipped: m.skipped + 1 })),
    found: ['manifest-differs'],
  },
  {
    name: 'a row that stands elsewhere than its segments lead',
    manifest: row0(row => ({ next: row.next + 5n })),
    found: ['chain-broken', 'manifest-differs'],
  },
  {
    name: 'a row of generation 1 without a seal of it',
    manifest: row0(() => ({ generation: 1 })),
    found: ['manifest-differs'],
  },
  {
    name: 'a partition left out',
    manifest: inBatch(3, m => ({ ...m, partitions: m.partitions.slice(0, 2) })),
    found: ['partitions-fell'],
  },
  {
    name: 'a manifest of another origin',
    manifest: inBatch(1, m => ({ ...m, origin: 'audit.example.com/dev' })),
    found: ['manifest-differs'],
  },
  {
    name: 'a manifest with a name of its own',
    manifestText: (text, k) => (k === 1 ? text.replace('"origin"', '"note": 1,\n "origin"') : text),
    found: ['manifest-differs'],
  },
  {
    name: 'a manifest with a repeated name',
    manifestText: (text, k) => (k === 1 ? text.replace('"events"', '"events": 1,\n "events"') : text),
    found: ['manifest-differs'],
  },
  {
    name: 'a manifest with names in another case',
    manifestText: (text, k) => (k === 1 ? text.replace('"events"', '"Events"') : text),
    found: ['manifest-differs'],
  },
  {
    name: 'an entry with other counts than its manifest',
    entry: (e, k) => (k === 1 ? { ...e, events: e.events - 1 } : e),
    found: ['manifest-differs'],
  },
  {
    name: 'an entry with another root than its manifest',
    entry: (e, k) => (k === 1 ? { ...e, root: new Uint8Array(32) } : e),
    found: ['batch-root'],
  },
  {
    name: 'an hour left out of the log',
    entry: (e, k) => (k === 1 ? { ...e, period: '2026-01-05T12:00:00Z' } : e),
    found: ['entry-differs'],
  },
  {
    name: 'an entry of another archive',
    entry: (e, k) => (k === 1 ? { ...e, origin: 'audit.example.com/dev' } : e),
    found: ['entry-differs', 'manifest-differs'],
  },
  {
    name: 'an entry with another duration',
    entry: (e, k) => (k === 1 ? { ...e, duration: 'PT2H' } : e),
    found: ['entry-differs', 'manifest-differs'],
  },
  {
    name: 'a checkpoint over another root',
    checkpoint: c => (c.size === 4 ? { ...c, root: new Uint8Array(32) } : c),
    found: ['checkpoint-inconsistent'],
  },
  {
    name: 'a checkpoint larger than the log',
    checkpoint: c => (c.size === 4 ? { ...c, size: 9 } : c),
    found: ['log-shortened'],
  },
  { name: 'no checkpoint that the witness saw', witnesses: () => [], found: ['no-head'] },
];

const expiredKey = 'events/dt=2026-01-05/hour=10/00000-000-00000000000000000000.avro';
const expired = (change: (segment: ListedSegment) => Partial<ListedSegment>) =>
  inBatch(0, manifest =>
    withRow(manifest, 0, row => ({ segments: row.segments.map(one => ({ ...one, ...change(one) })) })),
  );

/** What is left of a segment that has expired is its listing: that has to hold by itself. */
const listingAttacks: readonly Row[] = [
  {
    name: 'fresh events dropped, and listed as if they had long expired',
    play: o => o.delete(dropped),
    manifest: listed0(({ first }) => {
      const sealed = { first: Date.parse('2025-12-01T11:00:00Z'), last: Date.parse('2025-12-01T11:00:00Z') };
      return {
        sealed,
        retainUntil: '2025-12-02T00:00:00Z',
        key: `events/dt=2025-12-01/hour=11/00000-000-${String(first).padStart(20, '0')}.avro`,
      };
    }),
    found: ['manifest-differs'],
  },
  {
    name: 'an expired segment under a key of another hour',
    manifest: expired(() => ({ key: expiredKey.replace('hour=10', 'hour=09') })),
    found: ['manifest-differs'],
  },
  {
    name: 'an expired segment under a key of another partition',
    manifest: expired(() => ({ key: expiredKey.replace('00000-', '00001-') })),
    found: ['manifest-differs'],
  },
  {
    name: 'an expired segment sealed in two periods',
    manifest: expired(({ sealed }) => ({ sealed: { ...sealed, first: sealed.first - hour } })),
    found: ['manifest-differs'],
  },
  {
    name: 'an expired segment whose earliest event is later than its latest',
    manifest: expired(({ occurredAt: { min, max } }) => ({ occurredAt: { min: max, max: min } })),
    found: ['manifest-differs'],
  },
  {
    name: 'a row that says lost offsets were skipped',
    manifest: row0(row => ({ skipped: row.skipped + 1, events: row.events - 1 })),
    found: ['manifest-differs'],
  },
  {
    name: 'a row whose counts do not add up to its offsets',
    manifest: row0(row => ({ skipped: row.skipped + 5 })),
    found: ['manifest-differs'],
  },
  {
    name: 'a manifest with an empty line',
    manifestText: (text, k) => (k === 1 ? text.replace('"origin"', '\n\n"origin"') : text),
    found: ['manifest-differs'],
  },
];

export const archiverAttacks: readonly Attack[] = [...rows, ...listingAttacks].map(
  ({ name, play, found, ...hooks }) => ({
    name,
    by: 'archiver',
    needs: 'copy',
    found,
    play: () => {
      const before = cloneObjects(golden.objects);
      play?.(before);
      const { objects, policyText } = relog(before, hooks);
      return { objects, trust: { ...goldenTrust(golden), policyText, at: Date.parse('2026-01-05T16:30:00Z') } };
    },
  }),
);
