// Card numbers: 13 to 19 digits that begin as those of an issuer do (ISO/IEC 7812) and whose last digit is right by Luhn, written in
// one piece or in groups. One number in ten is right by chance, so issuer, length and grouping are asked for too: ids, times in
// microseconds and UUIDs are not masked.

/** A run of digits, groups parted by one separator each; what stands beside it is no letter, digit or underscore. */
const RUN = /(?<![\p{L}\p{N}_])\d+(?:[ \u00a0.\u2010-\u2013-]\d+)*(?![\p{L}\p{N}_])/gu;
const MIN = 13;
const MAX = 19;

/** Visa, Mastercard, American Express, Diners Club, JCB, Discover, UnionPay, Maestro: how they begin, and how long they are. */
const ISSUERS: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^4/, [13, 16, 19]],
  [/^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^3(?:0[0-5]|[689])/, [14, 16, 17, 18, 19]],
  [/^35(?:2[89]|[3-8])/, [16, 17, 18, 19]],
  [/^(?:6011|64[4-9]|65|62)/, [16, 17, 18, 19]],
  [/^(?:5018|5020|5038|5893|6304|6759|676[1-3])/, [13, 14, 15, 16, 17, 18, 19]],
];

/** Where card numbers stand in a text, as [start, end), in order. */
export function findCards(text: string): [number, number][] {
  const found: [number, number][] = [];
  for (const { 0: run, index } of text.matchAll(RUN)) {
    if (run.length >= MIN) cardsInRun(run, index, found);
  }
  return found;
}

function cardsInRun(run: string, offset: number, found: [number, number][]): void {
  const groups = [...run.matchAll(/\d+/g)].map(({ 0: digits, index }) => ({ digits, index }));
  for (let first = 0; first < groups.length; first++) {
    let digits = '';
    for (let last = first; last < groups.length; last++) {
      const group = groups[last];
      if (group === undefined || group.digits.length === 1) break; // no number is written so
      digits += group.digits;
      if (digits.length > MAX) break;
      const shape = groups.slice(first, last + 1).map(one => one.digits.length);
      if (digits.length < MIN || !isCardShape(shape) || !isCardNumber(digits)) continue;
      found.push([offset + (groups[first]?.index ?? 0), offset + group.index + group.digits.length]);
      first = last;
      break;
    }
  }
}

/** In one piece, in groups of 2 to 6, or in two halves. UUIDs (8-4-4-4-12) have no such part of 13 digits or more. */
function isCardShape(lengths: readonly number[]): boolean {
  if (lengths.length === 1) return true;
  return lengths.every(length => length >= 2 && length <= 6) || lengths.join() === '8,8';
}

function isCardNumber(digits: string): boolean {
  return ISSUERS.some(([prefix, lengths]) => lengths.includes(digits.length) && prefix.test(digits)) && luhn(digits);
}

/** ISO/IEC 7812-1, annex B: from the right every second digit is doubled, and the sum of all digits ends with 0. */
function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  return sum % 10 === 0;
}
