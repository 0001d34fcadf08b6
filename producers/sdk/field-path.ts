/** Paths of fields within a thing: `limits.daily`, `items[2].price`, `["a.b"]`. Two fields never have the same. */

/** The path of what `key` holds within what is at `path`; that of the thing itself is empty. */
export function fieldPath(path: string, key: string, inList: boolean): string {
  if (inList) return `${path}[${key}]`;
  if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(key)) return `${path}[${printable(JSON.stringify(key))}]`;
  return path === '' ? key : `${path}.${key}`;
}

/** JSON leaves some control characters as they are. */
const printable = (text: string): string =>
  text.replace(/\p{Cc}/gu, one => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
