import { deflateRawSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, describe as suite, test } from 'vitest';
import { nodeDecompress } from '../../../core/edge/compression.ts';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { concat, equalBytes, hex, utf8 } from '../../../core/proof/bytes.ts';
import { encodeLong, formatContainer, parseContainer } from '../../../core/proof/container.ts';
import { signerOf } from '../../../core/proof/note.ts';
import { checkRun, parseSegment, parseSegmentKey, type Segment, segmentKey } from '../../../core/proof/segment.ts';
import { describe, loadGolden, publish, testKeys } from '../../archive-writer.ts';

const { sha256 } = nodeCrypto;
const parse = (bytes: Uint8Array) => parseSegment(nodeCrypto, bytes, nodeDecompress);
const problemsOf = (segment: Segment) => segment.runs.flatMap(run => checkRun(sha256, run, segment.schema));
const areSigned = (segment: Segment) =>
  segment.runs.every(({ sealed }) => signerOf(nodeCrypto, sealed.note, [testKeys.seal.key]) !== null);
/** What a reader gets out of a segment: any change of it that goes unseen would be a lie. */
const contentOf = (segment: Segment) =>
  JSON.stringify(segment.runs.map(run => [run.sealed.note.text, run.events.map(({ datum }) => hex(datum))]));

function segmentOf(codec: 'zstandard' | 'deflate', runs = [3, 1]): Uint8Array {
  const specs = runs.map(events => ({ partition: 0, period: 0, events, codec, producer: 'p', skipped: 1 }));
  const [segment] = publish(describe({ partitions: 1, periods: 1, runs: specs })).segments;
  return segment?.bytes ?? new Uint8Array();
}

suite('segments', () => {
  test('give back the runs that went in, whatever they are', () => {
    const run = fc.record({
      events: fc.integer({ min: 1, max: 40 }),
      skipped: fc.integer({ min: 0, max: 3 }),
      lost: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(run, { minLength: 1, maxLength: 5 }),
        fc.constantFrom('zstandard', 'deflate'),
        (runs, codec) => {
          const specs = runs.map(spec => ({ partition: 0, period: 0, codec, producer: 'p', ...spec }));
          const { segments } = publish(describe({ partitions: 1, periods: 1, runs: specs }));
          const [written] = segments;
          if (!written) throw new Error('no segment');
          const read = parse(written.bytes);
          expect(read.codec).toBe(codec);
          expect(problemsOf(read)).toEqual([]);
          expect(read.runs.map(({ sealed }) => sealed.note.text)).toEqual(written.runs.map(({ text }) => text));
          const datums = read.runs.flatMap(({ events }) => events.map(({ datum }) => hex(datum)));
          expect(datums).toEqual(written.runs.flatMap(one => one.datums.map(hex)));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('of the golden archive are true, and name their keys', () => {
    for (const [key, [version]] of loadGolden().objects) {
      if (!version || !key.startsWith('events/')) continue;
      const segment = parse(version.bytes);
      expect(problemsOf(segment)).toEqual([]);
      expect(segmentKey(segment.runs[0].sealed.seal)).toBe(key);
      expect(parseSegmentKey(key)).toMatchObject({ partition: segment.runs[0].sealed.seal.partition });
    }
  });

  test.each(['zstandard', 'deflate'] as const)(
    'with any bit of a byte flipped are never read as another (%s)',
    codec => {
      const bytes = segmentOf(codec);
      const truth = contentOf(parse(bytes));
      const silent: number[] = [];
      for (let at = 0; at < bytes.length; at++) {
        for (const bit of [1, 0x80]) {
          const changed = bytes.with(at, (bytes[at] ?? 0) ^ bit);
          try {
            const read = parse(changed);
            if (areSigned(read) && problemsOf(read).length === 0 && contentOf(read) !== truth) silent.push(at);
          } catch (error) {
            expect(error).toMatchObject({ name: 'ProofError' });
          }
        }
      }
      expect(silent).toEqual([]);
    },
  );

  test.each(['zstandard', 'deflate'] as const)('cut off at any byte are refused (%s)', codec => {
    const bytes = segmentOf(codec);
    for (let length = 0; length < bytes.length; length++)
      expect(() => parse(bytes.subarray(0, length))).toThrowError(expect.objectContaining({ name: 'ProofError' }));
  });

  test('with bytes behind the end are refused', () => {
    expect(() => parse(concat(segmentOf('deflate'), Uint8Array.of(0)))).toThrowError(/container/);
  });

  const runs = [{ partition: 0, period: 0, events: 4 }];
  const altered = (hooks: Parameters<typeof publish>[1]) => {
    const [segment] = publish(describe({ partitions: 1, periods: 1, runs }), hooks).segments;
    return parse(segment?.bytes ?? new Uint8Array());
  };
  test.each<[string, Parameters<typeof publish>[1]]>([
    ['an event exchanged for another', { stored: datums => [...datums.slice(0, 3), datums[0] ?? new Uint8Array()] }],
    ['events in another order', { stored: datums => datums.toReversed() }],
    ['events in another order, sealed so', { datums: datums => datums.toReversed() }],
    ['a range that begins behind its events', { seal: seal => ({ ...seal, first: 2n, next: 6n }) }],
    ['a seal of another partition', { seal: seal => ({ ...seal, partition: 1, partitions: 2 }) }],
    ['a seal of another generation', { seal: seal => ({ ...seal, generation: 1 }) }],
    ['a seal of another topic', { seal: seal => ({ ...seal, topic: 'other' }) }],
    ['a seal of another schema', { seal: seal => ({ ...seal, schema: '00'.repeat(32) }) }],
    ['a seal with another root', { seal: seal => ({ ...seal, root: new Uint8Array(32) }) }],
  ])('%s: told by checkRun', (_, hooks) => {
    expect(problemsOf(altered(hooks))).not.toEqual([]);
  });

  test.each<[string, Parameters<typeof publish>[1]]>([
    ['an event removed', { stored: datums => datums.slice(1) }],
    ['an event added', { stored: datums => [...datums, ...datums] }],
    [
      'bytes behind an event',
      { stored: datums => datums.map((datum, i) => (i === 3 ? concat(datum, datum.subarray(0, 3)) : datum)) },
    ],
  ])('%s: refused when read', (_, hooks) => {
    expect(() => altered(hooks)).toThrowError(expect.objectContaining({ name: 'ProofError' }));
  });
});

suite('containers', () => {
  const sync = new Uint8Array(16).fill(5);
  const meta = (codec: string) =>
    [
      ['avro.codec', utf8(codec)],
      ['avro.schema', utf8('"int"')],
    ] as const;
  const data = Uint8Array.of(2, 4, 6);

  test('keep their blocks in both codecs', () => {
    for (const [codec, compress] of [
      ['zstandard', zstdCompressSync],
      ['deflate', deflateRawSync],
    ] as const) {
      const bytes = formatContainer(meta(codec), sync, [
        { count: 3, compressed: compress(data) },
        { count: 3, compressed: compress(data) },
      ]);
      const read = parseContainer(bytes, nodeDecompress, 100);
      expect(read.blocks.map(({ count }) => count)).toEqual([3, 3]);
      expect(read.blocks.every(block => equalBytes(block.data, data))).toBe(true);
    }
  });

  test.each([
    ['codec null', formatContainer(meta('null'), sync, [])],
    ['codec snappy', formatContainer(meta('snappy'), sync, [])],
    ['metadata repeated', formatContainer([...meta('deflate'), ['avro.schema', utf8('"long"')]], sync, [])],
    ['another magic', formatContainer(meta('deflate'), sync, []).with(3, 2)],
    [
      'a block of a negative count',
      formatContainer(meta('deflate'), sync, [{ count: -1, compressed: deflateRawSync(data) }]),
    ],
    [
      'another marker behind a block',
      formatContainer(meta('deflate'), sync, [{ count: 3, compressed: deflateRawSync(data) }]).with(-1, 6),
    ],
    [
      'a block longer than the file',
      concat(formatContainer(meta('deflate'), sync, []), encodeLong(1), encodeLong(2 ** 40)),
    ],
  ])('refused: %s', (_, bytes) => {
    expect(() => parseContainer(bytes, nodeDecompress, 100)).toThrowError(
      expect.objectContaining({ code: 'malformed-segment' }),
    );
  });

  test.each(['zstandard', 'deflate'] as const)('a bomb is refused within its limit (%s)', codec => {
    const compress = codec === 'zstandard' ? zstdCompressSync : deflateRawSync;
    const bomb = compress(new Uint8Array(200_000_000));
    const before = process.memoryUsage().arrayBuffers;
    const bytes = formatContainer(meta(codec), sync, [{ count: 1, compressed: bomb }]);
    expect(() => parseContainer(bytes, nodeDecompress, 1_000_000)).toThrowError(
      expect.objectContaining({ code: 'malformed-segment' }),
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
    const many = { count: 1, compressed: compress(new Uint8Array(400_000)) };
    expect(() =>
      parseContainer(formatContainer(meta(codec), sync, [many, many, many]), nodeDecompress, 1_000_000),
    ).toThrow();
  });

  test('numbers are written as Avro says', () => {
    expect([0, -1, 1, -64, 64, 2 ** 40].map(value => hex(encodeLong(value)))).toEqual([
      '00',
      '01',
      '02',
      '7f',
      '8001',
      '808080808040',
    ]);
  });
});
