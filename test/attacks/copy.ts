// Attackers with write access to the bucket and no key, where no lock is in the way: a copy, or a bucket whose locks failed. The objects
// themselves are changed.

import { textOf, utf8 } from '../../core/proof/bytes.ts';
import { signNote } from '../../core/proof/note.ts';
import { alter, latest, type Objects } from '../archive-objects.ts';
import { testSigner } from '../test-keys.ts';
import type { Attack } from './attack.ts';
import { type AlterationRow, onGolden } from './golden.ts';
import { lastManifest, lastSegment, lateSegment, manifest, segment, sized } from './keys.ts';

const stranger = testSigner('audit.example.com/prod', 'a stranger');

const move = (objects: Objects, from: string, to: string) => {
  objects.set(to, objects.get(from) ?? []);
  objects.delete(from);
};

/** What can be done to a copy, or where locks failed: the object itself is changed. */
const rows: readonly AlterationRow[] = [
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

export const copyAttacks: readonly Attack[] = rows.map(row => onGolden('bucket', 'copy', row));
