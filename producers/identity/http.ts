/**
 * JSON from an issuer. Over TLS, or this machine's own loopback: keys that came in clear prove nothing. Redirects are not
 * followed, answers are bounded, and what fails is `unavailable`, with nothing of request or answer in its message.
 */
import { request as requestClear } from 'node:http';
import { request as requestSecure } from 'node:https';
import { IdentityError } from './error.ts';

export interface HttpOptions {
  /** For a whole request; default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** PEM of the authority of the issuer's certificate, where Node doesn't know it. */
  readonly ca?: string | undefined;
}

export interface JsonRequest {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface JsonAnswer {
  readonly status: number;
  /** Undefined where it is no JSON. */
  readonly body: unknown;
}

const MAX_BODY = 1_048_576;
const TIMEOUT_MS = 5000;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** The address, or nothing where keys and tokens must not go over it. */
export function secureUrl(text: unknown): URL | undefined {
  // Not URL.parse: Node 20 lacks it.
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '') return undefined;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname)) ? url : undefined;
}

/** An address of the options. Throws `invalid-options`. */
export function addressOption(name: string, text: string): URL {
  const url = secureUrl(text);
  if (url === undefined) throw new IdentityError('invalid-options', `${name}: expected an address with https:`);
  return url;
}

/** Throws `unavailable`. */
export async function requestJson(url: URL, request: JsonRequest, options: HttpOptions): Promise<JsonAnswer> {
  try {
    const { status, text } = await exchange(url, request, options);
    return { status, body: parse(text) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
    throw new IdentityError('unavailable', `${url.origin} can't be asked (${code})`);
  }
}

function exchange(url: URL, { method = 'GET', headers, body }: JsonRequest, options: HttpOptions) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const signal = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
    const send = url.protocol === 'https:' ? requestSecure : requestClear;
    const trust = options.ca === undefined ? {} : { ca: options.ca };
    const sent = send(
      url,
      { method, headers: { accept: 'application/json', ...headers }, signal, ...trust },
      answer => {
        const parts: Buffer[] = [];
        let size = 0;
        answer.on('data', (part: Buffer) => {
          size += part.length;
          if (size > MAX_BODY) answer.destroy(new Error('too large'));
          else parts.push(part);
        });
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
