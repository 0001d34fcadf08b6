/** The credential of an HTTP request. */
import { TLSSocket } from 'node:tls';
import { isApiKeyLike } from './api-key.ts';
import { IdentityError } from './error.ts';
import type { Presented } from './identity.ts';

export interface RequestHead {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The connection; its certificate counts where no header holds a credential. */
  readonly socket?: unknown;
}

/**
 * What a request presents: `Authorization: Bearer` with a token or an API key, `X-Api-Key`, or the client certificate of its
 * connection; undefined: nothing. Throws `malformed` where there are two, `unsupported` for another scheme.
 */
export function presentedBy({ headers, socket }: RequestHead): Presented | undefined {
  const authorization = single(headers, 'authorization');
  const key = single(headers, 'x-api-key');
  if (authorization !== undefined && key !== undefined) {
    throw new IdentityError('malformed', 'found both Authorization and X-Api-Key, expected one of them');
  }
  if (key !== undefined) return { kind: 'api-key', key };
  if (authorization !== undefined) {
    const [, token] = /^bearer +(\S+)$/i.exec(authorization) ?? [];
    if (token === undefined) throw new IdentityError('unsupported', 'Authorization: expected Bearer and one token');
    return isApiKeyLike(token) ? { kind: 'api-key', key: token } : { kind: 'token', token };
  }
  const showsCertificate = socket instanceof TLSSocket && socket.getPeerX509Certificate() !== undefined;
  return showsCertificate ? { kind: 'certificate', socket } : undefined;
}

function single(headers: RequestHead['headers'], name: string): string | undefined {
  const value = headers[name];
  if (value === undefined || typeof value === 'string') return value === '' ? undefined : value;
  throw new IdentityError('malformed', `found ${name} several times, expected it once`);
}
