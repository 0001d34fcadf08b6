// Bytes and their texts. Each decoding is strict: one text for one value, so that nothing can be altered without changing what it says.

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of UTF-8 bytes; throws a TypeError where they are not valid UTF-8. A byte order mark stays in the text. */
export function textOf(bytes: Uint8Array): string {
  return strictDecoder.decode(bytes);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const hexDigits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += hexDigits[byte];
  return out;
}

/** The bytes of lower-case hex, or null where the text is not that. */
export function parseHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) return null;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/** Base64, standard alphabet, with padding (RFC 4648 section 4). */
export function base64(bytes: Uint8Array): string {
  let binary = '';
  const step = 0x8000;
  for (let i = 0; i < bytes.length; i += step) binary += String.fromCharCode(...bytes.subarray(i, i + step));
  return btoa(binary);
}

/** The bytes of a base64 text, or null where it is not the canonical one (alphabet, padding, zero trailing bits, no white space). */
export function parseBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const binary = atob(text);
  if (!text.endsWith('=') || btoa(binary) === text) return Uint8Array.from(binary, char => char.charCodeAt(0));
  return null;
}

/** A non-negative ASCII decimal without leading zeros, or null. */
export function parseDecimal(text: string): bigint | null {
  return /^(0|[1-9][0-9]{0,18})$/.test(text) ? BigInt(text) : null;
}

/** As {@link parseDecimal}, as a number; null also where it is not a safe integer. */
export function parseCount(text: string): number | null {
  const value = parseDecimal(text);
  return value === null || value > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(value);
}
