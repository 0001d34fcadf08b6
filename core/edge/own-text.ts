/**
 * A text that keeps nothing else in memory. The engine makes a part of a text a view of the whole, and two texts joined a pair of the
 * two: what is kept for long, such as the key of a cache, would keep the whole event that it was read from.
 */
export function ownText(text: string): string {
  const encoding = text.isWellFormed() ? 'utf8' : 'utf16le';
  return Buffer.from(text, encoding).toString(encoding);
}
