// Finds what must not be written in one text. All the patterns together cost too much for every text of every event: one cheap check
// (hint.ts) comes first, and most texts are done with that.

import { findCards } from './cards.ts';
import { createHint, type Hint } from './hint.ts';
import { SECRETS } from './secrets.ts';

/** A pattern that somebody adds to the well-known ones. */
export interface OwnPattern {
  /** Goes into the mask. */
  readonly name: string;
  test(text: string): boolean;
  replace(text: string, mask: string): string;
}

/** What is looked for. */
export interface Sought {
  readonly secrets: boolean;
  readonly cards: boolean;
  readonly patterns: readonly OwnPattern[];
}

export interface Masked {
  readonly text: string;
  /** Names of what was found, such as aws-access-key. */
  readonly names: readonly string[];
}

/** `mayHold`: cheap, true where masking is worth trying. `mask`: null where there is nothing to mask. */
export interface Detector {
  mayHold(text: string): boolean;
  /** The same of a text's bytes in UTF-8; null where patterns are looked for, which want the text itself. */
  readonly mayHoldBytes: Hint['bytes'] | null;
  mask(text: string): Masked | null;
}

const CARD = 'card-number';
/** Nothing that is looked for is shorter. */
const SHORTEST = 10;
/** What a mask may add to a text: a pattern of one's own may match a single letter, and limits on size must hold. */
const maxGrowth = 1024;

const secrets = SECRETS.map(({ name, pattern }) => ({ name, pattern: new RegExp(pattern, 'dg') }));
const pieces = SECRETS.flatMap(kind => kind.pieces);
const hints = {
  both: createHint(pieces, true, true),
  secrets: createHint(pieces, true, false),
  cards: createHint([], false, true),
};

const hintOf = ({ secrets: forSecrets, cards }: Sought): Hint | null =>
  forSecrets ? (cards ? hints.both : hints.secrets) : cards ? hints.cards : null;

/** How a mask reads. */
export const maskOf = (name: string): string => `[masked: ${name}]`;

export function createDetector(sought: Sought): Detector {
  const { patterns } = sought;
  const hint = hintOf(sought);
  const mayHold = (text: string): boolean =>
    (hint !== null && text.length >= SHORTEST && hint.text(text)) ||
    (patterns.length > 0 && patterns.some(pattern => pattern.test(text)));
  const mayHoldBytes: Hint['bytes'] = (bytes, start, end) =>
    hint !== null && end - start >= SHORTEST && hint.bytes(bytes, start, end);
  return {
    mayHold,
    mayHoldBytes: patterns.length === 0 ? mayHoldBytes : null,
    mask: text => (mayHold(text) ? mask(text, sought) : null),
  };
}

function mask(text: string, sought: Sought): Masked | null {
  const names: string[] = [];
  let masked = text;
  const replaced = (name: string, other: string): void => {
    if (other === masked) return;
    masked = other;
    names.push(name);
  };
  if (sought.secrets)
    for (const { name, pattern } of secrets) replaced(name, replaceSecret(masked, pattern, maskOf(name)));
  if (sought.cards) replaced(CARD, replaceSpans(masked, findCards(masked), maskOf(CARD)));
  for (const pattern of sought.patterns) replaced(pattern.name, pattern.replace(masked, maskOf(pattern.name)));
  const [first] = names;
  if (first === undefined) return null;
  return masked.length > text.length + maxGrowth ? { text: maskOf(first), names } : { text: masked, names };
}

function replaceSecret(text: string, pattern: RegExp, by: string): string {
  const spans: [number, number][] = [];
  for (const { indices } of text.matchAll(pattern)) {
    const span = indices?.groups?.secret ?? indices?.[0];
    if (span) spans.push(span);
  }
  return replaceSpans(text, spans, by);
}

function replaceSpans(text: string, spans: readonly (readonly [number, number])[], by: string): string {
  let masked = '';
  let at = 0;
  for (const [start, end] of spans) {
    masked += text.slice(at, start) + by;
    at = end;
  }
  return masked + text.slice(at);
}
