// Whether a text may hold a secret or a card number: asked of every text of every event, so it is one pass over its characters with a
// table of three-character pieces that secrets have in them. It may say yes too often, never no wrongly: what it says no to is not
// looked at again. A fifth of the time that one pattern of all secrets takes.

const BITS = 15;
const MASK = (1 << BITS) - 1;

/** A key of the last three characters: each shifts the one before it by 5 bits, the fourth out of sight. */
const roll = (key: number, code: number): number => ((key << 5) ^ (code & 127)) & MASK;
const keyOf = (piece: string): number => [...piece].reduce((key, one) => roll(key, one.charCodeAt(0)), 0);
const SCHEME_END = keyOf('://');

/** Digits that make a card number, at least. */
const CARD_DIGITS = 13;
const [DIGIT_0, DIGIT_9, SLASH, AT] = [48, 57, 47, 64];
/** What may part the groups of a card number. */
const SEPARATORS = new Set([...' \u00a0.-\u2010\u2011\u2012\u2013'].map(one => one.charCodeAt(0)));

export interface Hint {
  text(text: string): boolean;
  /** The same of a text's bytes in UTF-8, from `start` to `end`: a third of the price, where the bytes are at hand. */
  bytes(bytes: Uint8Array, start: number, end: number): boolean;
}

/**
 * Makes the check for pieces of three characters each. `urls`: what stands before an @ in a URL counts too; `cards`: thirteen digits
 * with at most one separator between each two.
 */
export function createHint(pieces: readonly string[], urls: boolean, cards: boolean): Hint {
  const table = new Uint8Array(1 << BITS);
  for (const piece of pieces) table[keyOf(piece)] = 1;
  const known = new Set(pieces);
  return { text: textHint(table, known, urls, cards), bytes: bytesHint(table, known, urls, cards) };
}

type Known = ReadonlySet<string>;

function textHint(table: Uint8Array, known: Known, urls: boolean, cards: boolean): Hint['text'] {
  return text => {
    let key = 0;
    let digits = 0;
    let gap = false;
    let inUrl = false;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      key = roll(key, code);
      // Others fall on the same key, such as those of `service`, which half of all events have.
      if (table[key] === 1 && known.has(text.slice(at - 2, at + 1))) return true;
      if (code === SLASH && key === SCHEME_END) inUrl = urls;
      else if (code === AT && inUrl) return true;
      if (code >= DIGIT_0 && code <= DIGIT_9) {
        gap = false;
        if (++digits >= CARD_DIGITS && cards) return true;
      } else if (digits > 0) {
        if (!gap && SEPARATORS.has(code)) gap = true;
        else digits = 0;
      }
    }
    return false;
  };
}

/** Bytes from here on are parts of a character that is not ASCII. */
const WIDE = 0x80;
/** A separator takes up to three bytes: which one it is, is not asked. */
const WIDEST = 3;
const ASCII_SEPARATORS = new Uint8Array(WIDE);
for (const code of SEPARATORS) if (code < WIDE) ASCII_SEPARATORS[code] = 1;

function bytesHint(table: Uint8Array, known: Known, urls: boolean, cards: boolean): Hint['bytes'] {
  return (bytes, start, end) => {
    let key = 0;
    let digits = 0;
    /** Bytes of what parts two groups of digits. */
    let gap = 0;
    let inUrl = false;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      key = roll(key, byte);
      if (table[key] === 1 && known.has(pieceAt(bytes, at - 2))) return true;
      if (byte >= DIGIT_0 && byte <= DIGIT_9) {
        gap = 0;
        if (++digits >= CARD_DIGITS && cards) return true;
      } else if (digits > 0) {
        if (byte >= WIDE && gap < WIDEST) gap++;
        else if (gap === 0 && byte < WIDE && ASCII_SEPARATORS[byte] === 1) gap = WIDEST;
        else digits = 0;
      }
      if (byte === SLASH && key === SCHEME_END) inUrl = urls;
      else if (byte === AT && inUrl) return true;
    }
    return false;
  };
}

/** Of a text's first characters one may begin before it: then it is none of ours, or none of the text's, which is a yes too often. */
const pieceAt = (bytes: Uint8Array, at: number): string =>
  String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0);
