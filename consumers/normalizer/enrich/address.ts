// IP addresses as bytes, and which of them are nobody's place in the world: by the IANA IPv4 and IPv6 Special-Purpose Address
// Registries (RFC 6890 and its updates), without looking anything up.

import { isIP } from 'node:net';

export interface Address {
  /** 4 or 16 bytes, of the address that is meant: of an IPv4-mapped one its IPv4 address. */
  readonly bytes: Uint8Array;
  /** In the usual form, to look up. */
  readonly text: string;
  /** It was written as an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`), as a service with one socket for both sees IPv4. */
  readonly mapped: boolean;
}

/** Reads an address, also with a zone (`fe80::1%eth0`), in brackets, or with a port; null where it is none. */
export function parseAddress(text: string): Address | null {
  const bare = bareAddress(text.trim());
  const kind = isIP(bare);
  if (kind === 4) return { bytes: bytesOf4(bare), text: bare, mapped: false };
  if (kind !== 6) return null;
  const bytes = bytesOf6(bare);
  const mapped = matches(bytes, mappedPrefix);
  if (!mapped) return { bytes, text: bare, mapped };
  const embedded = bytes.subarray(12);
  return { bytes: embedded, text: embedded.join('.'), mapped };
}

export type Scope =
  | 'unspecified'
  | 'private'
  | 'carrier-nat'
  | 'loopback'
  | 'link-local'
  | 'documentation'
  | 'benchmarking'
  | 'multicast'
  | 'broadcast'
  | 'nat64'
  | 'tunnel'
  | 'reserved';

/** What a reserved address is for; null: it is a public one. */
export function scopeOf({ bytes }: Pick<Address, 'bytes'>): Scope | null {
  const table = bytes.length === 4 ? table4 : table6;
  for (const [prefix, scope] of table) if (matches(bytes, prefix)) return scope;
  return null;
}

interface Prefix {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** `2001:db8::/32`. */
function prefix(text: string): Prefix {
  const [address = '', bits = ''] = text.split('/');
  return { bytes: isIP(address) === 4 ? bytesOf4(address) : bytesOf6(address), bits: Number(bits) };
}

function matches(bytes: Uint8Array, { bytes: head, bits }: Prefix): boolean {
  const whole = bits >> 3;
  for (let at = 0; at < whole; at++) if (bytes[at] !== head[at]) return false;
  const rest = bits & 7;
  return rest === 0 || (bytes[whole] ?? 0) >> (8 - rest) === (head[whole] ?? 0) >> (8 - rest);
}

const mappedPrefix = prefix('::ffff:0:0/96');

const rows = (texts: readonly [string, Scope][]): [Prefix, Scope][] =>
  texts.map(([text, scope]) => [prefix(text), scope]);

/** The first that matches holds: narrower ones come before those that contain them. */
const table4 = rows([
  ['10.0.0.0/8', 'private'],
  ['192.168.0.0/16', 'private'],
  ['172.16.0.0/12', 'private'],
  ['127.0.0.0/8', 'loopback'],
  ['100.64.0.0/10', 'carrier-nat'],
  ['169.254.0.0/16', 'link-local'],
  ['192.0.2.0/24', 'documentation'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['233.252.0.0/24', 'documentation'],
  ['0.0.0.0/32', 'unspecified'],
  ['0.0.0.0/8', 'reserved'],
  ['192.0.0.0/24', 'reserved'],
  ['192.88.99.0/24', 'reserved'],
  ['198.18.0.0/15', 'benchmarking'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['240.0.0.0/4', 'reserved'],
]);

const table6 = rows([
  ['::1/128', 'loopback'],
  ['fe80::/10', 'link-local'],
  ['fc00::/7', 'private'],
  ['::/128', 'unspecified'],
  ['64:ff9b::/96', 'nat64'],
  ['64:ff9b:1::/48', 'nat64'],
  ['2001:db8::/32', 'documentation'],
  ['3fff::/20', 'documentation'],
  ['2001::/32', 'tunnel'],
  ['2002::/16', 'tunnel'],
  ['2001:2::/48', 'benchmarking'],
  ['2001::/23', 'reserved'],
  ['ff00::/8', 'multicast'],
  // Deprecated by RFC 3879, yet still met.
  ['fec0::/10', 'private'],
  // All that is not global unicast (2000::/3), RFC 4291.
  ['::/3', 'reserved'],
  ['4000::/2', 'reserved'],
  ['8000::/1', 'reserved'],
]);

function bareAddress(text: string): string {
  const bracketed = /^\[([^\]]{1,64})\](?::\d{1,5})?$/.exec(text)?.[1];
  const withPort = /^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/.exec(text)?.[1];
  const address = bracketed ?? withPort ?? text;
  const zone = address.indexOf('%');
  return zone < 0 ? address : address.slice(0, zone);
}

function bytesOf4(text: string): Uint8Array {
  return Uint8Array.from(text.split('.'), Number);
}

/** Of an address that is known to be one: groups of hex digits, one `::` perhaps, an IPv4 address at the end perhaps. */
function bytesOf6(text: string): Uint8Array {
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(text)?.[0];
  const tail = dotted === undefined ? [] : [...bytesOf4(dotted)];
  const hex = dotted === undefined ? text : text.slice(0, -dotted.length).replace(/(?<!:):$/, '');
  const [before = '', after] = hex.split('::');
  const head = bytesOfGroups(before);
  const end = [...bytesOfGroups(after ?? ''), ...tail];
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(end, 16 - end.length);
  return bytes;
}

function bytesOfGroups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap(group => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
