import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { type ChainEnd, chainAfter, chainStart, joinSeal, previousOf } from '../../../core/proof/chain.ts';
import { ProofError } from '../../../core/proof/error.ts';
import { formatSeal, parseSeal, type Seal, sealHash } from '../../../core/proof/seal.ts';

const { sha256 } = nodeCrypto;
const int = (max: number) => fc.integer({ min: 0, max });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });

const sealArb: fc.Arbitrary<Seal> = fc
  .record({
    origin: fc.constantFrom('a', 'tidemark.test/archive', 'ö.example/x'),
    topic: fc.stringMatching(/^[A-Za-z0-9._-]{1,249}$/),
    generation: int(2 ** 31 - 1),
    partition: int(1000),
    more: fc.integer({ min: 1, max: 1000 }),
    first: fc.bigInt({ min: 0n, max: 2n ** 62n }),
    events: fc.integer({ min: 1, max: 2 ** 40 }),
    skipped: int(2 ** 40),
    lost: int(2 ** 40),
    sealedAt: int(253_402_300_799_999),
    schema: hash.map(bytes => Buffer.from(bytes).toString('hex')),
    root: hash,
    previous: hash,
  })
  .map(({ more, ...rest }) => ({
    ...rest,
    partitions: rest.partition + more,
    next: rest.first + BigInt(rest.events + rest.skipped + rest.lost),
  }));

const seal: Seal = {
  origin: 'tidemark.test/archive',
  topic: 'audit.raw',
  generation: 1,
  partition: 2,
  partitions: 3,
  first: 100n,
  next: 106n,
  events: 4,
  skipped: 2,
  lost: 0,
  sealedAt: 1_767_607_890_016,
  schema: 'ab'.repeat(32),
  root: new Uint8Array(32).fill(7),
  previous: new Uint8Array(32).fill(9),
};

function isRefused(text: string): boolean {
  try {
    parseSeal(text);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(ProofError);
    return true;
  }
}

describe('seals', () => {
  test('are what their text says, and only that', () => {
    fc.assert(
      fc.property(sealArb, value => {
        expect(parseSeal(formatSeal(value))).toEqual(value);
      }),
    );
  });

  test('any text that is read is the one that would be written', () => {
    const edits = fc.record({
      at: fc.nat(),
      cut: fc.integer({ min: 0, max: 3 }),
      put: fc.string({
        unit: fc.constantFrom('0', '1', ' ', '\n', '-', '+', '=', 'A', 'a', '.', '\r', '\0'),
        maxLength: 3,
      }),
    });
    fc.assert(
      fc.property(sealArb, edits, (value, { at, cut, put }) => {
        const text = formatSeal(value);
        const from = at % (text.length + 1);
        const edited = text.slice(0, from) + put + text.slice(from + cut);
        if (edited !== text && !isRefused(edited)) {
          expect(formatSeal(parseSeal(edited))).toBe(edited);
          expect(parseSeal(edited)).not.toEqual(value);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('every line left out, doubled, emptied or changed for its neighbour is refused', () => {
    const lines = formatSeal(seal).slice(0, -1).split('\n');
    expect(lines).toHaveLength(9);
    for (const [i, line] of lines.entries()) {
      const edits = [lines.toSpliced(i, 1), lines.toSpliced(i, 0, line), lines.with(i, ''), lines.with(i, `${line} `)];
      if (i + 1 < lines.length - 1) edits.push(lines.with(i, lines[i + 1] ?? '').with(i + 1, line));
      for (const edit of edits) expect(isRefused(`${edit.join('\n')}\n`), edit.join('|')).toBe(true);
    }
  });

  const changed = (change: (text: string) => string) => change(formatSeal(seal));
  test.each([
    ['hides a lost offset', changed(text => text.replace('4 2 0', '4 1 0'))],
    ['claims more events than offsets', changed(text => text.replace('4 2 0', '5 2 0'))],
    ['has no event', changed(text => text.replace('4 2 0', '0 6 0'))],
    ['goes backwards', changed(text => text.replace('100 106', '106 100'))],
    ['is of a partition that the topic has not', changed(text => text.replace('1 2 3', '1 3 3'))],
    ['has a negative count', changed(text => text.replace('4 2 0', '4 3 -1'))],
    ['has a leading zero', changed(text => text.replace('4 2 0', '4 02 0'))],
    ['has a fourth count', changed(text => text.replace('4 2 0', '4 2 0 0'))],
    ['has upper-case hex', changed(text => text.replace('ab', 'AB'))],
    ['is of another version', changed(text => text.replace('seal/1', 'seal/2'))],
    ['has a further line', changed(text => `${text}more\n`)],
    ['ends without a newline', changed(text => text.slice(0, -1))],
    ['has Windows line ends', changed(text => text.replaceAll('\n', '\r\n'))],
    ['is sealed after year 9999', changed(text => text.replace('1767607890016', '253402300800000'))],
    ['has a generation above an int', changed(text => text.replace('raw 1 2', 'raw 2147483648 2'))],
  ])('refused: it %s', (_, text) => {
    expect(isRefused(formatSeal(seal))).toBe(false);
    expect(isRefused(text)).toBe(true);
  });
});

describe('whether a seal joins a chain', () => {
  const hashOf = (value: Seal) => sealHash(sha256, formatSeal(value));
  const end: ChainEnd = chainAfter(seal, hashOf(seal));
  const after: Seal = { ...seal, first: 106n, next: 112n, sealedAt: seal.sealedAt + 1, previous: hashOf(seal) };
  const first: Seal = { ...seal, previous: previousOf(sha256, chainStart) };

  test.each<[string, ChainEnd, Seal, boolean, boolean]>([
    ['the next one', end, after, true, false],
    ['sealed in the same millisecond', end, { ...after, sealedAt: seal.sealedAt }, true, false],
    ['a new generation from nought', end, { ...after, generation: 2, first: 0n, next: 6n }, true, true],
    ['a new generation from any offset', end, { ...after, generation: 5, first: 700n, next: 706n }, true, true],
    ['the very first, wherever it begins', chainStart, first, true, false],
    ['the very first, of a later generation', chainStart, { ...first, generation: 4 }, true, false],
    ['one that leaves offsets out', end, { ...after, first: 107n, next: 113n }, false, false],
    ['one that takes offsets twice', end, { ...after, first: 105n, next: 111n }, false, false],
    ['one sealed earlier', end, { ...after, sealedAt: seal.sealedAt - 1 }, false, false],
    ['one of an earlier generation', end, { ...after, generation: 0 }, false, false],
    ['a new generation sealed earlier', end, { ...after, generation: 2, sealedAt: 0 }, false, false],
    ['one that names another before it', end, { ...after, previous: new Uint8Array(32) }, false, false],
    ['one that names none before it', end, { ...after, previous: first.previous }, false, false],
    ['the same one again', end, seal, false, false],
    ['a first one that names one before it', chainStart, after, false, false],
  ])('%s', (_, from, next, joins, restart) => {
    expect(joinSeal(sha256, from, next)).toMatchObject(joins ? { joins, restart } : { joins });
  });

  test('a chain goes on exactly where each seal ends', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(lengths, fc.nat(), (events, at) => {
        const chain: Seal[] = [];
        let before = chainStart;
        for (const count of events) {
          const next: Seal = {
            ...first,
            first: before.next,
            next: before.next + BigInt(count),
            events: count,
            skipped: 0,
            previous: previousOf(sha256, before),
          };
          expect(joinSeal(sha256, before, next).joins).toBe(true);
          chain.push(next);
          before = chainAfter(next, hashOf(next));
        }
        // With any one left out but the last, the one behind it does not join.
        const gone = at % (chain.length - 1);
        let stands = chainStart;
        const joined = chain.toSpliced(gone, 1).map(next => {
          const { joins } = joinSeal(sha256, stands, next);
          if (joins) stands = chainAfter(next, hashOf(next));
          return joins;
        });
        expect(joined.indexOf(false)).toBe(gone);
      }),
    );
  });
});
