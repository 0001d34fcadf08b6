/** What a request says of itself, as far as an event may hold it: nothing of it can make the event invalid. */
import { randomUUID } from 'node:crypto';
import type { RequestInput } from '../input.ts';
import type { ClientAddress } from './client-address.ts';

export interface Incoming {
  /** Address at the other end of the connection. */
  readonly peer: string | undefined;
  /** Of the framework, where it gives one. */
  readonly id?: string | undefined;
  /** A header's value by its name in lower case. */
  header(name: string): string | undefined;
}

/** The address that no host has (RFC 1122, section 3.2.1.3). */
const NOBODY = '0.0.0.0';
const MAX_USER_AGENT = 512;
const ID = /^[\w.:/+=@-]{1,128}$/;
/** W3C Trace Context, section 3.2; ids of zeros are invalid. */
const TRACE_PARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export function requestOf(incoming: Incoming, addressOf: ClientAddress): RequestInput {
  // An id is believed of a peer whose word on addresses is: of a known proxy, not of just anybody.
  const isProxy = addressOf(incoming.peer, NOBODY) === NOBODY;
  const given = isProxy ? incoming.header('x-request-id') : undefined;
  const traceParent = incoming.header('traceparent')?.trim();
  return {
    id: [incoming.id, given].find(id => id !== undefined && ID.test(id)) ?? randomUUID(),
    traceParent: traceParent !== undefined && TRACE_PARENT.test(traceParent) ? traceParent : undefined,
    clientAddress: addressOf(incoming.peer, incoming.header('x-forwarded-for')),
    userAgent: incoming.header('user-agent')?.slice(0, MAX_USER_AGENT).toWellFormed(),
  };
}

/** A header of Node's: one that is sent twice is joined, as HTTP has it. */
export function nodeHeader(headers: NodeJS.Dict<string | string[]>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
