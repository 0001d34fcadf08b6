// Which actions a rule is for. As in `tidemark read --action`, `*` stands for any text, dots included: `account.*` is account.close and
// account.limits.raise.

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

/** What a pattern matches of any texts. */
export function compilePattern(pattern: string): (text: string) => boolean {
  const [head = '', ...rest] = pattern.split('*');
  return rest.length === 0 ? text => text === pattern : partsIn(head, rest);
}

/** Each part is sought from where the one before it ended, the last at the end: no backtracking, however many stars there are. */
function partsIn(head: string, rest: readonly string[]): (action: string) => boolean {
  const middle = rest.slice(0, -1);
  const tail = rest.at(-1) ?? '';
  return action => {
    if (!action.startsWith(head)) return false;
    let at = head.length;
    for (const part of middle) {
      const found = action.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return action.length - tail.length >= at && action.endsWith(tail);
  };
}
