import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import {
  formatArchive,
  formatManifest,
  type Manifest,
  parseArchive,
  parseManifest,
} from '../../../core/proof/batch.ts';
import { utf8 } from '../../../core/proof/bytes.ts';
import { isValidAt, parseKeyFile } from '../../../core/proof/keys.ts';
import {
  ENTRIES_LEVEL,
  entryData,
  formatEntry,
  formatEntryBundle,
  parseEntry,
  parseEntryBundle,
  parseTileKey,
  sizedCheckpointKey,
  tileKey,
  tilesAddedAt,
  tilesOf,
} from '../../../core/proof/log.ts';
import { formatVerifierKey, parseNote } from '../../../core/proof/note.ts';
import {
  formatMicros,
  formatTime,
  manifestKey,
  parseDuration,
  parseTime,
  periodOf,
} from '../../../core/proof/period.ts';
import { describe as describeArchive, loadGolden, publish } from '../../archive-writer.ts';
import { testKeys, testWitness } from '../../test-keys.ts';

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const digest = hash.map(bytes => Buffer.from(bytes).toString('hex'));
const offset = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const instant = fc.integer({ min: 0, max: 4_000_000_000 }).map(seconds => formatTime(seconds * 1000));
const counts = { events: fc.nat(), skipped: fc.nat(), lost: fc.nat(), seals: fc.nat() };
const listed = fc.record({
  key: fc.string(),
  sha256: digest,
  bytes: fc.nat(),
  events: fc.nat(),
  seals: fc.nat(),
  generation: fc.nat(),
  first: offset,
  next: offset,
  lastSeal: hash,
  schema: digest,
  sealed: fc.record({ first: fc.nat(), last: fc.nat() }),
  occurredAt: fc.record({
    min: fc.bigInt({ min: 0n, max: 2n ** 52n }).map(formatMicros),
    max: fc.constant('2026-01-05T10:00:00.000000Z'),
  }),
  retainUntil: instant,
});
const row = fc.record({
  generation: fc.nat(),
  next: offset,
  lastSeal: fc.option(hash),
  ...counts,
  segments: fc.array(listed, { maxLength: 3 }),
});
const manifestArb: fc.Arbitrary<Manifest> = fc
  .record({
    origin: fc.constant('a/b'),
    period: instant,
    duration: fc.constantFrom('PT1H', 'PT10S'),
    root: hash,
    ...counts,
    previous: fc.option(fc.record({ period: instant, sha256: digest })),
    rows: fc.array(row, { maxLength: 4 }),
  })
  .map(({ rows, ...rest }) => ({ ...rest, partitions: rows.map((one, partition) => ({ partition, ...one })) }));

describe('manifests', () => {
  test('are what their text says, without empty lines', () => {
    fc.assert(
      fc.property(manifestArb, manifest => {
        const text = formatManifest(manifest);
        expect(text).not.toContain('\n\n');
        expect(parseManifest(text)).toEqual(manifest);
      }),
    );
  });

  const [sample] = publish(
    describeArchive({ partitions: 2, periods: 1, runs: [{ partition: 0, period: 0, events: 2 }] }),
  ).manifests;
  const text = sample ? formatManifest(sample) : '';

  test('every line left out or doubled is refused', () => {
    const lines = text.slice(0, -1).split('\n');
    const read = lines.flatMap((line, i) =>
      [lines.toSpliced(i, 1), lines.toSpliced(i, 0, line)].map(edit => {
        try {
          parseManifest(edit.join('\n'));
          return line;
        } catch (error) {
          expect(error).toMatchObject({ code: 'malformed-manifest' });
          return null;
        }
      }),
    );
    expect(read.filter(line => line !== null)).toEqual([]);
  });

  test.each<[string, (text: string) => string]>([
    ['another format', old => old.replace('batch/1', 'batch/2')],
    ['an offset as a number', old => old.replace(/"next": "(\d+)"/, '"next": $1')],
    ['an offset with a leading zero', old => old.replace(/"next": "/, '"next": "0')],
    ['a count as a string', old => old.replace(/"events": (\d+)/, '"events": "$1"')],
    ['a negative count', old => old.replace(/"lost": 0/, '"lost": -1')],
    [
      'upper-case hex',
      old => old.replace(/"sha256": "[0-9a-f]+"/, hex => hex.toUpperCase().replace('SHA256', 'sha256')),
    ],
    ['a time with fractions', old => old.replace(':00Z"', ':00.000Z"')],
    ['a time with a zone', old => old.replace(':00Z"', ':00+00:00"')],
    ['a day that does not exist', old => old.replace('2026-01-05', '2026-02-30')],
    ['rows in another order', old => old.replace('"partition": 0', '"partition": 1')],
    ['an unknown member', old => old.replace('"origin"', '"more": 1, "origin"')],
    ['null for a required digest', old => old.replace(/"root": "[^"]+"/, '"root": null')],
    ['a text behind', old => `${old}{}`],
  ])('malformed: %s', (_, change) => {
    expect(change(text)).not.toBe(text);
    expect(() => parseManifest(change(text))).toThrowError(expect.objectContaining({ code: 'malformed-manifest' }));
  });

  test('of the golden archive are read, and lie where their period says', () => {
    for (const [key, [version]] of loadGolden().objects) {
      if (!version || !key.startsWith('batches/')) continue;
      const manifest = parseManifest(parseNote(version.bytes).text);
      expect(manifestKey(parseTime(manifest.period) ?? 0)).toBe(key);
      expect(parseManifest(formatManifest(manifest))).toEqual(manifest);
    }
  });
});

describe('archive.json', () => {
  const archive = { origin: 'a/b', topic: 'audit.raw', duration: parseDuration('PT1H'), first: '2026-01-05T10:00:00Z' };
  const text = formatArchive(archive);
  test('is what it says', () => expect(parseArchive(text)).toEqual(archive));
  test.each<[string, string]>([
    ['a first period beside the grid', text.replace('10:00:00', '10:30:00')],
    ['another format', text.replace('/1"', '/9"')],
    ['an origin with a space', text.replace('a/b', 'a b')],
    ['a repeated member', text.replace('"topic"', '"topic": "x", "topic"')],
    ['no duration', text.replace('PT1H', 'PT')],
  ])('malformed: %s', (_, malformed) => {
    expect(() => parseArchive(malformed)).toThrowError(expect.objectContaining({ code: 'malformed-archive' }));
  });
});

describe('periods', () => {
  test.each([
    ['PT1H', 3_600_000],
    ['PT10S', 10_000],
    ['P400D', 34_560_000_000],
    ['P1DT2H3M4S', 93_784_000],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toEqual({ text, ms });
  });
  test.each([
    '',
    'P',
    'PT',
    'PT0S',
    'P0D',
    'P1Y',
    'P1M',
    'P1W',
    'P1DT',
    'PT1.5S',
    '-PT1H',
    'pt1h',
    'PT1H ',
    'PT1S1H',
    'PT1234567890S',
  ])('no duration: %j', text => {
    expect(() => parseDuration(text)).toThrowError(expect.objectContaining({ code: 'malformed-period' }));
  });
  test.each([
    '2026-02-29T00:00:00Z',
    '2026-01-05T24:00:00Z',
    '2026-01-05T10:00:60Z',
    '2026-01-05 10:00:00Z',
    '2026-01-05T10:00:00',
    '2026-01-05T10:00:00z',
    '+02026-01-05T10:00:00Z',
    '2026-1-5T10:00:00Z',
  ])('no time: %j', text => {
    expect(parseTime(text)).toBeNull();
  });
  test('hold their instants', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.nat({ max: 4_000_000_000_000 }), (seconds, ms) => {
        const duration = parseDuration(`PT${seconds % 999_999 || 1}S`);
        const start = periodOf(duration, ms);
        expect(start % duration.ms).toBe(0);
        expect(start <= ms && ms < start + duration.ms).toBe(true);
        expect(parseTime(formatTime(start))).toBe(start);
      }),
    );
  });
  test.each<[bigint, string]>([
    [0n, '1970-01-01T00:00:00.000000Z'],
    [-1n, '1969-12-31T23:59:59.999999Z'],
    [1_767_607_200_123_456n, '2026-01-05T10:00:00.123456Z'],
    [253_402_300_800_000_000n, '+010000-01-01T00:00:00.000000Z'],
  ])('%s µs is %s', (micros, text) => expect(formatMicros(micros)).toBe(text));
});

describe('the log', () => {
  test('lies where C2SP tlog-tiles says', () => {
    expect(tileKey({ level: 0, index: 1_234_067, width: 256 })).toBe('log/tile/0/x001/x234/067');
    const tiles = tilesOf(70_000).filter(({ level }) => level !== ENTRIES_LEVEL);
    const of = (level: number, full: boolean) =>
      tiles.filter(tile => tile.level === level && (tile.width === 256) === full);
    expect([
      of(0, true).length,
      of(0, false)[0]?.width,
      of(1, true).length,
      of(1, false)[0]?.width,
      of(2, false)[0]?.width,
    ]).toEqual([273, 112, 1, 17, 1]);
    expect(tilesOf(256).map(tileKey)).toEqual(['log/tile/entries/000', 'log/tile/0/000', 'log/tile/1/000.p/1']);
    expect(sizedCheckpointKey(4)).toBe('log/checkpoints/00000000000000000004');
  });

  test('keys of tiles are read back, and no others', () => {
    const place = fc.record({
      level: fc.integer({ min: -1, max: 63 }),
      index: fc.nat(),
      width: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(
      fc.property(place, one => {
        expect(parseTileKey(tileKey(one))).toEqual(one);
      }),
    );
    for (const key of [
      'log/tile/0/000.p/256',
      'log/tile/0/000.p/0',
      'log/tile/0/000.p/01',
      'log/tile/00/000',
      'log/tile/0/x000/001',
      'log/tile/0/001/x234',
      'log/tile/0/1234',
      'log/tile/0/x001',
      'log/tile/-1/000',
      'log/tile/data/000',
      'log/tile/0/000/',
    ])
      expect(parseTileKey(key), key).toBeNull();
  });

  test('each size adds the tiles that the size before had not', () => {
    for (const size of [1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537]) {
      const before = new Set(tilesOf(size - 1).map(tileKey));
      const added = tilesOf(size)
        .map(tileKey)
        .filter(key => !before.has(key));
      expect(tilesAddedAt(size).map(tileKey).toSorted()).toEqual(added.toSorted());
    }
  });

  const entry = {
    origin: 'a/b',
    period: '2026-01-05T10:00:00Z',
    duration: 'PT1H',
    events: 3,
    seals: 2,
    root: new Uint8Array(32),
    manifest: 'ab'.repeat(32),
  };
  test('entries and bundles are what they say', () => {
    expect(parseEntry(formatEntry(entry))).toEqual(entry);
    const bundle = formatEntryBundle([entryData(entry), utf8(''), entryData(entry)]);
    expect(parseEntryBundle(bundle)).toEqual([entryData(entry), utf8(''), entryData(entry)]);
    for (const cut of [1, 100, bundle.length - 1])
      expect(() => parseEntryBundle(bundle.subarray(0, cut))).toThrowError(
        expect.objectContaining({ code: 'malformed-tile' }),
      );
    const lines = formatEntry(entry).slice(0, -1).split('\n');
    for (const [i, line] of lines.entries())
      for (const edit of [lines.toSpliced(i, 1), lines.toSpliced(i, 0, line), lines.with(i, `${line} 0`)])
        expect(i === 1 && edit.length === 6 ? null : () => parseEntry(`${edit.join('\n')}\n`)).toSatisfy(
          (work: (() => unknown) | null) => {
            try {
              work?.();
              return work === null;
            } catch {
              return true;
            }
          },
        );
  });
});

describe('key files', () => {
  const vkey = formatVerifierKey(testKeys.seal.key);
  const from = '2026-01-05T10:00:00Z';
  test('comments and empty lines are skipped; a key is valid from its first period to the end of its last', () => {
    const [always, begun, span] = parseKeyFile(
      nodeCrypto,
      `# keys\n\n${vkey}\r\n${vkey} ${from}\n  ${vkey}\t${from} ${from}\n`,
    );
    if (!always || !begun || !span) throw new Error('expected three keys');
    const start = Date.parse(from);
    const at = [start - 1, start, start + 3_599_999, start + 3_600_000];
    expect(at.map(ms => isValidAt(always, ms, 3_600_000))).toEqual([true, true, true, true]);
    expect(at.map(ms => isValidAt(begun, ms, 3_600_000))).toEqual([false, true, true, true]);
    expect(at.map(ms => isValidAt(span, ms, 3_600_000))).toEqual([false, true, true, false]);
  });
  test.each([
    ['a word that is no period', `${vkey} yesterday`],
    ['a further word', `${vkey} ${from} ${from} ${from}`],
    ['a key that is broken', vkey.slice(0, -2)],
    ['a key of a witness', formatVerifierKey(testWitness('w').key)],
  ])('malformed: %s', (_, text) => {
    expect(() => parseKeyFile(nodeCrypto, text)).toThrowError(expect.objectContaining({ code: 'malformed-key' }));
  });
});
