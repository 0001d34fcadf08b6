// Attackers with write access to a bucket under Object Lock and no key: they can add versions, delete markers and objects, and nothing
// goes away. Only a server has any of these: in a folder there is nothing to play them on.

import { textOf, utf8 } from '../../core/proof/bytes.ts';
import { alter, hide, latest, putVersion } from '../archive-objects.ts';
import type { Attack } from './attack.ts';
import { type AlterationRow, onGolden } from './golden.ts';
import { lastManifest, lateSegment, manifest, segment, sized } from './keys.ts';

/** What can be done to a bucket under Object Lock. */
const rows: readonly AlterationRow[] = [
  { name: 'a segment hidden behind a delete marker', play: o => hide(o, segment), found: ['hidden'], at: segment },
  { name: 'a manifest hidden behind a delete marker', play: o => hide(o, manifest), found: ['hidden'], at: manifest },
  {
    name: 'archive.json hidden behind a delete marker',
    play: o => hide(o, 'archive.json'),
    found: ['hidden'],
    at: 'archive.json',
  },
  {
    name: 'checkpoint hidden behind a delete marker',
    play: o => hide(o, 'log/checkpoint'),
    found: ['hidden'],
    at: 'log/checkpoint',
  },
  {
    name: 'a tile hidden behind a delete marker',
    play: o => hide(o, 'log/tile/0/000.p/4'),
    found: ['hidden'],
    at: 'log/tile/0/000.p/4',
  },
  {
    name: 'hidden, and uncovered again by a copy',
    play: o => {
      const { bytes } = latest(o, segment);
      hide(o, segment);
      putVersion(o, segment, bytes);
    },
    found: ['hidden'],
    at: segment,
  },
  {
    name: 'an altered version over a segment',
    play: o => putVersion(o, segment, latest(o, lateSegment).bytes),
    found: ['further-version'],
    at: segment,
  },
  {
    name: 'an altered version over a manifest',
    play: o => putVersion(o, manifest, utf8('x')),
    found: ['further-version'],
    at: manifest,
  },
  {
    name: 'an altered version over archive.json',
    play: o => putVersion(o, 'archive.json', utf8(textOf(latest(o, 'archive.json').bytes).replace('PT1H', 'PT2H'))),
    found: ['archive-differs', 'further-version'],
    at: 'archive.json',
  },
  {
    name: 'something else over checkpoint',
    play: o => putVersion(o, 'log/checkpoint', utf8('x')),
    found: ['checkpoint-unsigned'],
    at: 'log/checkpoint',
  },
  {
    name: 'an old checkpoint put over the new one',
    play: o => putVersion(o, 'log/checkpoint', latest(o, sized(1)).bytes),
    found: ['checkpoint-behind'],
    at: 'log/checkpoint',
  },
  {
    name: 'an altered version over a tile',
    play: o => putVersion(o, 'log/tile/entries/000.p/4', latest(o, 'log/tile/entries/000.p/3').bytes),
    found: ['tile-altered'],
    at: 'log/tile/entries/000.p/4',
  },
  {
    name: 'a planted segment at the next key',
    play: o =>
      putVersion(
        o,
        'events/dt=2026-01-05/hour=14/00000-000-00000000000000000046.avro',
        latest(o, segment).bytes.slice(1),
      ),
    found: ['unlisted'],
    at: 'events/dt=2026-01-05/hour=14/00000-000-00000000000000000046.avro',
  },
  {
    name: 'a planted far segment',
    play: o => putVersion(o, 'events/dt=2030-01-05/hour=14/00000-009-00000000000000009999.avro', utf8('x')),
    found: ['unlisted'],
    at: 'events/dt=2030-01-05/hour=14/00000-009-00000000000000009999.avro',
  },
  {
    name: 'a planted manifest for the next hour',
    play: o => putVersion(o, 'batches/2026/01/05/20260105T140000Z.note', latest(o, lastManifest).bytes.slice(1)),
    found: ['unlisted'],
    at: 'batches/2026/01/05/20260105T140000Z.note',
  },
  {
    name: 'a planted tile',
    play: o => putVersion(o, 'log/tile/0/000.p/5', new Uint8Array(160)),
    found: ['tile-altered'],
    at: 'log/tile/0/000.p/5',
  },
  {
    name: 'a planted wide tile, so that the true one is not the widest',
    play: o => putVersion(o, 'log/tile/entries/000.p/255', utf8('x')),
    found: ['tile-altered'],
    at: 'log/tile/entries/000.p/255',
  },
  {
    name: 'a planted checkpoint of the next size',
    play: o => putVersion(o, sized(5), latest(o, sized(4)).bytes),
    found: ['checkpoint-inconsistent', 'lock-short'],
    at: sized(5),
  },
  {
    name: 'a stray file',
    play: o => putVersion(o, 'events/readme.txt', utf8('x')),
    found: ['unlisted'],
    at: 'events/readme.txt',
  },
  {
    name: 'a segment without its lock',
    play: o => alter(o, segment, { retainUntil: null }),
    found: ['lock-short'],
    at: segment,
  },
  {
    name: 'a segment with a shorter lock than listed',
    play: o => alter(o, segment, { retainUntil: Date.parse('2026-01-05T14:30:01Z') }),
    found: ['lock-short'],
    at: segment,
  },
  {
    name: 'a segment under a lock that may be lifted',
    play: o => alter(o, segment, { mode: 'GOVERNANCE' }),
    found: ['lock-short'],
    at: segment,
  },
  {
    name: 'a manifest with a shorter lock',
    play: o => alter(o, manifest, { retainUntil: Date.parse('2026-01-05T14:30:01Z') }),
    found: ['lock-short'],
    at: manifest,
  },
  {
    name: 'a checkpoint with a shorter lock',
    play: o => alter(o, sized(3), { retainUntil: Date.parse('2026-01-05T14:30:01Z') }),
    found: ['lock-short'],
    at: sized(3),
  },
  {
    name: 'a tile without its lock',
    play: o => alter(o, 'log/tile/0/000.p/4', { retainUntil: null }),
    found: ['lock-short'],
    at: 'log/tile/0/000.p/4',
  },
];

export const versionAttacks: readonly Attack[] = rows.map(row => onGolden('bucket', 'versions', row));
