// Patterns of one's own, in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax) and run by re2js: no backtracking, no
// backreference, no lookaround, so that no text takes longer than its length times the pattern's size. That size is limited.

import { RE2JS } from 're2js';
import type { OwnPattern } from '../../../core/masking/index.ts';

/** In UTF-16 units. */
export const MAX_PATTERN_LENGTH = 500;
/** Instructions of the compiled pattern: at this size 256 KiB of text take a second at the very worst. */
const maxInstructions = 500;

/** Compiles a pattern; answers what is wrong with it as a text. */
export function compilePattern(name: string, pattern: string): OwnPattern | string {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    return `a pattern that RE2 does not take (${error instanceof Error ? error.message : String(error)})`;
  }
  if (compiled.programSize() > maxInstructions) {
    return `a pattern of ${compiled.programSize()} instructions, which is more than ${maxInstructions}`;
  }
  if (compiled.test('')) return 'a pattern that matches the empty text';
  return {
    name,
    test: (text: string) => compiled.test(text),
    replace: (text: string, mask: string) => replaceAll(compiled, text, mask),
  };
}

/** To look for the next match may mean to read all the rest: a text that matches so often is masked whole. */
const maxMatches = 100;

/** Takes the mask as it stands, and matches of no length (`\b`) for none. */
function replaceAll(compiled: RE2JS, text: string, mask: string): string {
  const matcher = compiled.matcher(text);
  let masked = '';
  let at = 0;
  for (let matches = 0; matcher.find(); matches++) {
    if (matches === maxMatches) return mask;
    if (matcher.end() === matcher.start()) continue;
    masked += text.slice(at, matcher.start()) + mask;
    at = matcher.end();
  }
  return masked + text.slice(at);
}
