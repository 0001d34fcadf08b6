/** SPIFFE ids (SPIFFE-ID 2, X509-SVID 2): `spiffe://trust-domain/path`. */

export interface SpiffeId {
  readonly id: string;
  readonly trustDomain: string;
}

const MAX_ID = 2048;
const ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)+)$/;

/** Undefined where it is none of a workload: no path, other characters, segments of dots. */
export function parseSpiffeId(uri: string): SpiffeId | undefined {
  const [, trustDomain, path] = uri.length <= MAX_ID ? (ID.exec(uri) ?? []) : [];
  if (trustDomain === undefined || path === undefined) return undefined;
  return /\/\.{1,2}(?:\/|$)/.test(path) ? undefined : { id: uri, trustDomain };
}

/**
 * The URIs among subject alternative names, as Node writes them: `DNS:a, URI:b`, and a name with special characters as a
 * JSON text. Whoever may choose one name must not be able to write another into it.
 */
export function uriNames(names: string | undefined): string[] {
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/gy;
  const uris: string[] = [];
  let end = 0;
  for (const [whole, type, name = ''] of (names ?? '').matchAll(entry)) {
    end += whole.length;
    if (type === 'URI') uris.push(name.startsWith('"') ? String(JSON.parse(name)) : name);
  }
  // What can't be read to its end is not trusted at all.
  return end === (names ?? '').length ? uris : [];
}
