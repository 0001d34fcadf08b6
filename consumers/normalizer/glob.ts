// Which actions a rule is for. As in `tidemark read --action`, `*` stands for any text, dots included: `account.*` is account.close and
// account.limits.raise.

import { compilePattern } from '../../core/event/index.ts';

/** What a pattern of actions may be. */
export const ACTION_GLOB = /^[a-z0-9._*-]{1,128}$/;

const RESERVED = 'audit.';

/** Whether any of the patterns matches an action. Patterns are compiled once; an action is matched in time linear in its length. */
export function compileGlobs(patterns: readonly string[]): (action: string) => boolean {
  const globs = patterns.map(compileGlob);
  return action => globs.some(glob => glob(action));
}

/** Actions of tidemark itself are matched by patterns that begin with `audit.` alone: `*` is about what services do. */
function compileGlob(pattern: string): (action: string) => boolean {
  const matches = compilePattern(pattern);
  return pattern.startsWith(RESERVED) ? matches : action => !action.startsWith(RESERVED) && matches(action);
}
