import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  base64,
  hex,
  parseBase64,
  parseCount,
  parseDecimal,
  parseHex,
  textOf,
  utf8,
} from '../../../core/proof/bytes.ts';
import { Members, parseJson } from '../../../core/proof/json.ts';

describe('strict JSON', () => {
  test('reads what JSON.parse reads, where the numbers are integers', () => {
    const leaf = fc.oneof(
      fc.maxSafeInteger().filter(n => !Object.is(n, -0)),
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constant(null),
    );
    const { value } = fc.letrec<{ value: unknown }>(tie => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('value')),
        fc.dictionary(fc.string({ unit: 'binary' }), tie('value')),
      ),
    }));
    fc.assert(
      fc.property(value, fc.constantFrom(0, 1, '\t'), (json, space) => {
        const text = JSON.stringify(json, null, space);
        expect(JSON.stringify(parseJson(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  test.each([
    ['a name repeated', '{"a":1,"a":1}'],
    ['a name repeated by an escape', '{"a":1,"\\u0061":2}'],
    ['a fraction', '[1.0]'],
    ['an exponent', '[1e3]'],
    ['minus nought', '[-0]'],
    ['a leading zero', '[01]'],
    ['a plus', '[+1]'],
    ['a number above 2^53', '[9007199254740993]'],
    ['a number that overflows', `[${'9'.repeat(400)}]`],
    ['NaN', '[NaN]'],
    ['a trailing comma in an array', '[1,]'],
    ['a trailing comma in an object', '{"a":1,}'],
    ['a comment', '[1]//'],
    ['a second document', '{}{}'],
    ['nothing', ''],
    ['a byte order mark', '\ufeff{}'],
    ['a space that is none of JSON', '[\u00a01]'],
    ['a form feed', '[\f1]'],
    ['a control character in a string', '"\n"'],
    ['an unknown escape', '"\\x41"'],
    ['half a surrogate pair', '"\\ud800"'],
    ['the other half of one', '"\\udc00 "'],
    ['half a pair as a name', '{"\\ud800":1}'],
    ['a string that is not closed', '"abc'],
    ['a string that ends in its escape', '"abc\\"'],
    ['single quotes', "{'a':1}"],
    ['a word cut off', '[nul]'],
    ['words that touch', '[nulltrue]'],
    ['an object not closed', '{"a":1'],
    ['nesting without end', '['.repeat(100_000)],
    ['nesting deeper than 32', `${'['.repeat(40)}${']'.repeat(40)}`],
  ])('refuses %s', (_, text) => {
    expect(() => parseJson(text)).toThrowError(expect.objectContaining({ code: 'malformed-json' }));
  });

  test('keeps a member called __proto__ as a member', () => {
    const members = () => new Members(parseJson('{"a":1,"__proto__":{"b":2}}'), 'it', ['a', 'b']);
    expect(members).toThrowError(expect.objectContaining({ code: 'malformed-json' }));
  });

  test('a string of many megabytes is no deep recursion', () => {
    expect(parseJson(`"${'a'.repeat(20_000_000)}"`)).toHaveLength(20_000_000);
    expect(parseJson(`"${'\\n'.repeat(2_000_000)}"`)).toHaveLength(2_000_000);
  });
});

describe('members', () => {
  const of = (text: string) => new Members(parseJson(text), 'it', ['a', 'b']);
  test.each([
    ['unknown', '{"a":1,"b":2,"c":3}'],
    ['missing', '{"a":1}'],
    ['in another case', '{"a":1,"B":2}'],
    ['of an array', '[]'],
    ['of null', 'null'],
  ])('%s', (_, text) => {
    expect(() => of(text)).toThrowError(expect.objectContaining({ code: 'malformed-json' }));
  });

  test('have their types', () => {
    const members = of('{"a":-1,"b":"x"}');
    expect(() => members.count('a')).toThrow();
    expect(() => members.string('a')).toThrow();
    expect(() => members.count('b')).toThrow();
    expect(() => members.array('b')).toThrow();
    expect(() => members.parsed('b', 'y', () => null)).toThrow(/expected y/);
  });
});

describe('bytes and their texts', () => {
  test('base64 and hex have one text for one value', () => {
    fc.assert(
      fc.property(fc.uint8Array(), data => {
        expect(base64(data)).toBe(Buffer.from(data).toString('base64'));
        expect(parseBase64(base64(data))).toEqual(data);
        expect(parseHex(hex(data))).toEqual(data);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('A', 'B', '/', '+', '=', '-', '_', '\n', ' ') }), text => {
        const data = parseBase64(text);
        if (data) expect(base64(data)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(['A', 'AA', 'AAA', 'AA==\n', 'AB==', 'AAB=', 'AA=A', '====', 'A===', '-_==', ' AA=='])(
    'no base64: %j',
    text => expect(parseBase64(text)).toBeNull(),
  );

  test.each(['', '-1', '+1', '01', '1.0', '1e3', ' 1', '1\n', '0x1', '١', '99999999999999999999'])(
    'no decimal: %j',
    text => expect([parseDecimal(text), parseCount(text)]).toEqual([null, null]),
  );

  test('a count is a safe integer', () => {
    expect(parseCount('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER);
    expect(parseCount('9007199254740992')).toBeNull();
    expect(parseDecimal('9223372036854775807')).toBe(2n ** 63n - 1n);
  });

  test('a text is its bytes, byte order mark and all', () => {
    expect(textOf(utf8('\ufeffa'))).toBe('\ufeffa');
    expect(() => textOf(Uint8Array.of(0xc3))).toThrow(TypeError);
    expect(() => textOf(Uint8Array.of(0xed, 0xa0, 0x80))).toThrow(TypeError);
  });
});
