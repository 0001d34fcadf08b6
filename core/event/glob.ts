/** Patterns of texts whose only sign is `*`: any text, dots and slashes included. Pure. */

/** What a pattern matches. Compiled once; a text is matched in time linear in its length. */
export function compilePattern(pattern: string): (text: string) => boolean {
  const [head = '', ...rest] = pattern.split('*');
  return rest.length === 0 ? text => text === pattern : partsIn(head, rest);
}

/** Each part is sought from where the one before it ended, the last at the end: no backtracking, however many stars there are. */
function partsIn(head: string, rest: readonly string[]): (text: string) => boolean {
  const middle = rest.slice(0, -1);
  const tail = rest.at(-1) ?? '';
  return text => {
    if (!text.startsWith(head)) return false;
    let at = head.length;
    for (const part of middle) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return text.length - tail.length >= at && text.endsWith(tail);
  };
}
