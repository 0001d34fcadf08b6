/**
 * Signatures of webhooks: HMAC-SHA-256 of the body, as most systems have it, or of a text that has a time before the body, as Stripe and Slack
 * have it, so that what was overheard can't be sent again for long.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Where a value is: a header, or an element of a header that is a list of `name=value`. */
export interface HeaderPart {
  readonly header: string;
  readonly element: string | undefined;
}

export interface SignatureRule extends HeaderPart {
  /** What stands before the signature, such as `sha256=`. */
  readonly prefix: string;
  readonly encoding: 'hex' | 'base64';
  readonly secret: string;
  /** `signed`: texts around the `timestamp` and the `body`. */
  readonly timestamp:
    | (HeaderPart & { readonly signed: readonly string[]; readonly toleranceSeconds: number })
    | undefined;
}

/** 32 bytes, to the letter: Node's decoding leaves out what does not fit. */
const FORMS = { hex: /^[0-9a-f]{64}$/i, base64: /^[A-Za-z0-9+/]{43}=$/ } as const;

/** What is wrong, in words that hold nothing of the request; undefined where the signature is right. */
export function signatureProblem(
  rule: SignatureRule,
  headers: IncomingHttpHeaders,
  body: Buffer,
  nowMs: number,
): string | undefined {
  const { timestamp } = rule;
  const time = timestamp === undefined ? '' : (partsOf(timestamp, headers)[0] ?? '');
  const hmac = createHmac('sha256', rule.secret);
  for (const part of timestamp?.signed ?? ['{body}']) {
    hmac.update(part === '{body}' ? body : part === '{timestamp}' ? time : part);
  }
  const expected = hmac.digest();
  const isRight = partsOf(rule, headers).some(said => {
    const text = said.startsWith(rule.prefix) ? said.slice(rule.prefix.length) : '';
    return FORMS[rule.encoding].test(text) && timingSafeEqual(Buffer.from(text, rule.encoding), expected);
  });
  if (!isRight) return `${rule.header}: expected the signature of the body by the secret of the webhook`;
  if (timestamp === undefined) return undefined;
  const seconds = /^\d{1,12}$/.test(time) ? Number(time) : Number.NaN;
  // Also where it is no number: then it is not within anything.
  if (Math.abs(nowMs / 1000 - seconds) <= timestamp.toleranceSeconds) return undefined;
  return `${timestamp.header}: expected a time in seconds, at most ${timestamp.toleranceSeconds} from now`;
}

/** Several where a secret is being replaced. */
function partsOf({ header, element }: HeaderPart, headers: IncomingHttpHeaders): readonly string[] {
  const value = headers[header.toLowerCase()];
  if (typeof value !== 'string') return [];
  if (element === undefined) return [value];
  return value.split(',').flatMap(part => {
    const [, name, rest = ''] = /^\s*([^=]*)=(.*?)\s*$/s.exec(part) ?? [];
    return name === element ? [rest] : [];
  });
}
