import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProofError } from '../../../core/proof/error.ts';
import { formatSource, isSourceName, parseSource, type SourceGroup } from '../../../core/proof/source.ts';

const group: SourceGroup = {
  service: 'billing',
  topic: 'audit.raw',
  partition: 3,
  numbers: { instance: '0197f0c4-7b0a-7c3e-8f00-000000000001', first: 17, last: 42 },
  records: 9,
  root: new Uint8Array(32).fill(7),
};

const text = `tidemark-source/1
billing
audit.raw 3
0197f0c4-7b0a-7c3e-8f00-000000000001 17 42
9
BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=
`;

test('a proof is the text that the format shows', () => {
  expect(formatSource(group)).toBe(text);
  expect(parseSource(text)).toEqual(group);
  const unnumbered = { ...group, numbers: null };
  expect(formatSource(unnumbered)).toBe(text.replace(/^0197.*$/m, '-'));
  expect(parseSource(formatSource(unnumbered))).toEqual(unnumbered);
});

test('whatever is formatted is parsed to the same', () => {
  const count = fc.maxSafeNat();
  const numbers = fc
    .record({ instance: fc.stringMatching(/^[!-,.-~][!-~]{0,40}$/), first: count, last: count })
    .map(({ instance, first, last }) => ({ instance, first: Math.min(first, last), last: Math.max(first, last) }));
  const groups = fc.record({
    service: fc.constantFrom('billing', 'team/orders', 'ö', '-'),
    topic: fc.stringMatching(/^[A-Za-z0-9._-]{1,249}$/),
    partition: fc.nat(),
    numbers: fc.option(numbers),
    records: fc.nat().map(n => n + 1),
    root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  });
  fc.assert(
    fc.property(groups, one => {
      expect(parseSource(formatSource(one))).toEqual(one);
    }),
  );
});

test.each([
  ['another format', text.replace('/1', '/2')],
  ['a line more', `${text}\n`],
  ['no end of line', text.slice(0, -1)],
  ['a service of two words', text.replace('billing', 'the billing')],
  ['a service that is too long', text.replace('billing', 'b'.repeat(201))],
  ['no partition', text.replace('audit.raw 3', 'audit.raw')],
  ['a partition that is no number', text.replace('audit.raw 3', 'audit.raw x')],
  ['more than a place', text.replace('audit.raw 3', 'audit.raw 3 4')],
  ['numbers backwards', text.replace('17 42', '42 17')],
  ['a number with a zero before it', text.replace('17 42', '017 42')],
  ['a number beyond what is exact', text.replace('17 42', '17 9007199254740993')],
  ['no instance', text.replace(/^0197\S+ /m, '')],
  ['an instance without numbers', text.replace(' 17 42', '')],
  ['no record', text.replace(/^9$/m, '0')],
  ['a short root', text.replace(/^Bw.*$/m, 'Bwc=')],
])('%s is refused', (_, wrong) => {
  expect(wrong).not.toBe(text);
  expect(() => parseSource(wrong)).toThrow(expect.objectContaining({ code: 'malformed-source' }));
  expect(() => parseSource(wrong)).toThrow(ProofError);
});

test('a name that stands in no line of its own is no name of a source', () => {
  expect(['a', 'team/billing', 'x'.repeat(200)].every(isSourceName)).toBe(true);
  expect(['', 'a b', 'a\nb', 'a+b', 'x'.repeat(201)].some(isSourceName)).toBe(false);
});
