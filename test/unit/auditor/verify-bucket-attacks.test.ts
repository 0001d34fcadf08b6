// Attackers with write access to the bucket, and no key. In a bucket with Object Lock they can add versions, markers and objects;
// in a copy (or a bucket whose locks failed) they can also remove and replace. Each row: what is done, what is found, and where.

import { describe, expect, test } from 'vitest';
import { textOf, utf8 } from '../../../core/proof/bytes.ts';
import type { FindingCode } from '../../../core/proof/finding.ts';
import { signNote } from '../../../core/proof/note.ts';
import { alter, cloneObjects, hide, latest, loadGolden, type Objects, putVersion } from '../../archive-objects.ts';
import { testSigner } from '../../test-keys.ts';
import { codes, goldenTrust, verifyObjects } from './verifying.ts';

const golden = loadGolden();
const trust = goldenTrust(golden);

const segment = 'events/dt=2026-01-05/hour=11/00000-000-00000000000000000012.avro';
const lateSegment = 'events/dt=2026-01-05/hour=11/00002-000-00000000000000000211.avro';
const lastSegment = 'events/dt=2026-01-05/hour=13/00002-000-00000000000000000215.avro';
const manifest = 'batches/2026/01/05/20260105T110000Z.note';
const lastManifest = 'batches/2026/01/05/20260105T130000Z.note';
const sized = (size: number) => `log/checkpoints/${String(size).padStart(20, '0')}`;
const stranger = testSigner('audit.example.com/prod', 'a stranger');

interface Attack {
  readonly name: string;
  readonly play: (objects: Objects) => void;
  /** Kinds that must be found, each at least once. */
  readonly found: readonly FindingCode[];
  /** The object that at least one finding names. */
  readonly at: string;
}

const move = (objects: Objects, from: string, to: string) => {
  objects.set(to, objects.get(from) ?? []);
  objects.delete(from);
};

/** What can be done to a copy, or where locks failed: the object itself is changed. */
const copyAttacks: readonly Attack[] = [
  { name: 'a segment removed', play: o => o.delete(segment), found: ['segment-missing'], at: segment },
  {
    name: 'two adjacent segments removed (CloudTrail: reported as one)',
    play: o => {
      o.delete(segment);
      o.delete('events/dt=2026-01-05/hour=11/00000-000-00000000000000000038.avro');
    },
    found: ['segment-missing'],
    at: 'events/dt=2026-01-05/hour=11/00000-000-00000000000000000038.avro',
  },
  { name: 'the last segment removed', play: o => o.delete(lastSegment), found: ['segment-missing'], at: lastSegment },
  { name: 'a late segment removed', play: o => o.delete(lateSegment), found: ['segment-missing'], at: lateSegment },
  {
    name: 'a segment replaced by another',
    play: o => alter(o, segment, { bytes: latest(o, lastSegment).bytes }),
    found: ['segment-altered', 'chain-broken'],
    at: segment,
  },
  {
    name: 'two segments swapped',
    play: o => {
      const a = latest(o, segment).bytes;
      alter(o, segment, { bytes: latest(o, lateSegment).bytes });
      alter(o, lateSegment, { bytes: a });
    },
    found: ['segment-altered'],
    at: lateSegment,
  },
  {
    name: 'a segment moved to another hour',
    play: o => move(o, segment, segment.replace('hour=11', 'hour=12')),
    found: ['segment-missing'],
    at: segment,
  },
  {
    name: 'a value altered inside a segment (immudb: roots only)',
    play: o => {
      const bytes = Uint8Array.from(latest(o, segment).bytes);
      bytes[bytes.length - 40] = (bytes.at(-40) ?? 0) ^ 1;
      alter(o, segment, { bytes });
    },
    found: ['segment-altered'],
    at: segment,
  },
  {
    name: 'bytes appended to a segment',
    play: o => alter(o, segment, { bytes: Buffer.concat([latest(o, segment).bytes, Buffer.from('x')]) }),
    found: ['segment-altered'],
    at: segment,
  },
  { name: 'a manifest removed', play: o => o.delete(manifest), found: ['manifest-missing'], at: manifest },
  {
    name: 'the last manifest removed',
    play: o => o.delete(lastManifest),
    found: ['manifest-missing'],
    at: lastManifest,
  },
  {
    name: 'two adjacent manifests removed',
    play: o => {
      o.delete(manifest);
      o.delete('batches/2026/01/05/20260105T120000Z.note');
    },
    found: ['manifest-missing'],
    at: 'batches/2026/01/05/20260105T120000Z.note',
  },
  {
    name: 'a manifest replaced by that of another hour',
    play: o => alter(o, manifest, { bytes: latest(o, lastManifest).bytes }),
    found: ['manifest-altered'],
    at: manifest,
  },
  {
    name: 'a manifest signed by a stranger',
    play: o =>
      alter(o, manifest, { bytes: signNote(`${textOf(latest(o, manifest).bytes).split('\n\n')[0]}\n`, stranger) }),
    found: ['manifest-altered'],
    at: manifest,
  },
  {
    name: 'an hour removed: manifest and segments',
    play: o => {
      o.delete(manifest);
      for (const key of [...o.keys()]) if (key.includes('hour=11')) o.delete(key);
    },
    found: ['manifest-missing', 'batch-root'],
    at: manifest,
  },
  { name: 'archive.json removed', play: o => o.delete('archive.json'), found: ['archive-missing'], at: 'archive.json' },
  {
    name: 'archive.json with another topic',
    play: o =>
      alter(o, 'archive.json', {
        bytes: utf8(textOf(latest(o, 'archive.json').bytes).replace('audit.raw', 'audit.raw2')),
      }),
    found: ['archive-differs'],
    at: 'archive.json',
  },
  {
    name: 'archive.json with another first period',
    play: o =>
      alter(o, 'archive.json', { bytes: utf8(textOf(latest(o, 'archive.json').bytes).replace('10:00', '11:00')) }),
    found: ['archive-differs'],
    at: 'archive.json',
  },
  {
    name: 'archive.json with a repeated name',
    play: o =>
      alter(o, 'archive.json', {
        bytes: utf8(textOf(latest(o, 'archive.json').bytes).replace('{', '{"origin": "audit.example.com/prod", ')),
      }),
    found: ['archive-differs'],
    at: 'archive.json',
  },
  {
    name: 'archive.json of another archive',
    play: o =>
      alter(o, 'archive.json', { bytes: utf8(textOf(latest(o, 'archive.json').bytes).replace('/prod', '/dev')) }),
    found: ['archive-differs'],
    at: 'archive.json',
  },
  {
    name: 'checkpoint removed',
    play: o => o.delete('log/checkpoint'),
    found: ['checkpoint-missing'],
    at: 'log/checkpoint',
  },
  {
    name: 'checkpoint set back by two',
    play: o => alter(o, 'log/checkpoint', { bytes: latest(o, sized(2)).bytes }),
    found: ['checkpoint-behind'],
    at: 'log/checkpoint',
  },
  {
    name: 'checkpoint signed by a stranger',
    play: o =>
      alter(o, 'log/checkpoint', {
        bytes: signNote(`${textOf(latest(o, sized(4)).bytes).split('\n\n')[0]}\n`, stranger),
      }),
    found: ['checkpoint-unsigned'],
    at: 'log/checkpoint',
  },
  {
    name: 'checkpoint of another size in its place',
    play: o => alter(o, sized(2), { bytes: latest(o, sized(3)).bytes }),
    found: ['checkpoint-inconsistent'],
    at: sized(2),
  },
  {
    name: "the log's own checkpoint by size removed",
    play: o => o.delete(sized(4)),
    found: ['checkpoint-missing'],
    at: sized(4),
  },
  {
    name: 'all checkpoints removed',
    play: o => {
      for (const key of [...o.keys()]) if (key.startsWith('log/checkpoint')) o.delete(key);
    },
    found: ['no-head', 'checkpoint-missing'],
    at: 'log/checkpoint',
  },
  {
    name: 'the entries tile removed',
    play: o => o.delete('log/tile/entries/000.p/4'),
    found: ['tile-missing'],
    at: 'log/tile/entries/000.p/4',
  },
  {
    name: 'the hash tile removed',
    play: o => o.delete('log/tile/0/000.p/4'),
    found: ['tile-missing'],
    at: 'log/tile/0/000.p/4',
  },
  {
    name: 'the end cut off the entries tile',
    play: o => alter(o, 'log/tile/entries/000.p/4', { bytes: latest(o, 'log/tile/entries/000.p/3').bytes }),
    found: ['tile-altered', 'tile-missing'],
    at: 'log/tile/entries/000.p/4',
  },
  {
    name: 'an outgrown tile altered',
    play: o => alter(o, 'log/tile/0/000.p/2', { bytes: latest(o, 'log/tile/0/000.p/4').bytes }),
    found: ['tile-altered'],
    at: 'log/tile/0/000.p/2',
  },
  {
    name: 'all tiles removed',
    play: o => {
      for (const key of [...o.keys()]) if (key.startsWith('log/tile/')) o.delete(key);
    },
    found: ['tile-missing'],
    at: 'log/tile/entries/000.p/4',
  },
  {
    name: 'the last hour cut off, but for its checkpoint',
    play: o => {
      o.delete(lastManifest);
      o.delete('log/tile/entries/000.p/4');
      o.delete('log/tile/0/000.p/4');
      for (const key of [...o.keys()]) if (key.includes('hour=13')) o.delete(key);
    },
    found: ['log-shortened'],
    at: 'log/checkpoint',
  },
  {
    name: 'everything but the last hour removed',
    play: o => {
      for (const key of [...o.keys()]) if (/hour=1[012]|T1[012]0000Z/.test(key)) o.delete(key);
    },
    found: ['manifest-missing', 'batch-root'],
    at: manifest,
  },
];

/** What can be done to a bucket under Object Lock. */
const bucketAttacks: readonly Attack[] = [
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
    play: o => alter(o, segment, { retainUntil: golden.at + 1 }),
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
    play: o => alter(o, manifest, { retainUntil: golden.at + 1 }),
    found: ['lock-short'],
    at: manifest,
  },
  {
    name: 'a checkpoint with a shorter lock',
    play: o => alter(o, sized(3), { retainUntil: golden.at + 1 }),
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

describe('a copy', () => {
  test.each(copyAttacks)('$name', async ({ play, found, at }) => {
    const objects = cloneObjects(golden.objects);
    play(objects);
    const { findings } = await verifyObjects(objects, trust, { hasLocks: false });
    expect(codes(findings)).toEqual(expect.arrayContaining([...found]));
    expect(findings.map(({ object }) => object)).toContain(at);
  });
});

describe('a bucket', () => {
  test.each(bucketAttacks)('$name', async ({ play, found, at }) => {
    const objects = cloneObjects(golden.objects);
    play(objects);
    const { findings } = await verifyObjects(objects, trust);
    expect([...new Set(codes(findings))]).toEqual([...found].toSorted());
    expect(findings.map(({ object }) => object)).toContain(at);
  });
});

test('a finding names partition, raw offsets and events, and all the rest is still checked', async () => {
  const objects = cloneObjects(golden.objects);
  objects.delete(segment);
  const verdict = await verifyObjects(objects, trust);
  const [missing, ...gaps] = verdict.findings;
  const offsets = { first: 12n, next: 38n };
  expect(missing).toMatchObject({
    code: 'segment-missing',
    partition: 0,
    offsets,
    events: 26,
    period: '2026-01-05T11:00:00Z',
  });
  expect(gaps.map(({ code, producer }) => [code, producer?.instance])).toEqual(
    [0, 1, 2].map(n => ['gap', `billing-${n}`]),
  );
  expect(verdict.counts).toMatchObject({ batches: 4, segments: 16, events: 136 - 26 });
});
