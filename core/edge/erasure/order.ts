// Orders to destroy a person's key, to hold, and to lift a hold; each a signed note by the one who asks:
//
//   tidemark-order/1
//   <origin>
//   erase | hold | lift
//   <order id, a UUID>
//   key <key id> | query <JSON> | order <id of the hold>
//   <time, as 2026-01-05T10:00:00Z>
//   <case, or ->
//   <reason>
//
// and the approval by another one, a note as well, bound to the order's text and so to all that it says:
//
//   tidemark-approval/1
//   <order id>
//   <hex SHA256 of the order's text>
//   <time>
//
// An order names the person's key and never the person.

import { checkKeyId } from '../../envelope/index.ts';
import { hex, utf8 } from '../../proof/bytes.ts';
import { formatTime, parseTime } from '../../proof/period.ts';
import { nodeCrypto } from '../crypto.ts';
import { ErasureError } from './error.ts';
import { formatQuery, type HoldQuery, parseQueryJson } from './query.ts';

export const orderKinds = ['erase', 'hold', 'lift'] as const;
export type OrderKind = (typeof orderKinds)[number];

/** What an order is about. */
export type Subject =
  | { readonly kind: 'key'; readonly keyId: string }
  | { readonly kind: 'query'; readonly query: HoldQuery }
  | { readonly kind: 'order'; readonly id: string };

export interface Order {
  readonly origin: string;
  readonly kind: OrderKind;
  readonly id: string;
  readonly subject: Subject;
  /** Milliseconds since 1970, whole seconds; by the clock of who asks. */
  readonly at: number;
  /** Such as a number of a file; null: none. */
  readonly caseId: string | null;
  readonly reason: string;
}

export interface Approval {
  readonly id: string;
  /** Of the order's text. */
  readonly sha256: string;
  readonly at: number;
}

const ORDER = 'tidemark-order/1';
const APPROVAL = 'tidemark-approval/1';
const uuidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const maxLine = 2000;

const subjectsOf: Readonly<Record<OrderKind, readonly Subject['kind'][]>> = {
  erase: ['key'],
  hold: ['key', 'query'],
  lift: ['order'],
};

export const isOrderId = (text: string): boolean => uuidForm.test(text);

/** A line of an order as its asker gave it; throws `bad-order`. */
export function checkLine(text: string, what: string): string {
  const line = text.trim();
  const isOneLine = line !== '' && line.length <= maxLine && line.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(line);
  if (isOneLine) return line;
  throw new ErasureError('bad-order', `${what}: expected one line of text, of at most ${maxLine} characters`);
}

/** The text of an order, to be signed; throws `bad-order`. */
export function formatOrder(order: Order): string {
  const caseId = order.caseId === null ? '-' : checkLine(order.caseId, 'case');
  const lines = [ORDER, checkLine(order.origin, 'origin'), order.kind, order.id, formatSubject(order.subject)];
  return `${[...lines, formatTime(order.at), caseId, checkLine(order.reason, 'reason')].join('\n')}\n`;
}

function formatSubject(subject: Subject): string {
  switch (subject.kind) {
    case 'key':
      return `key ${subject.keyId}`;
    case 'query':
      return `query ${formatQuery(subject.query)}`;
    case 'order':
      return `order ${subject.id}`;
  }
}

/** An order's text taken apart; null where it is none, to the letter. */
export function parseOrder(text: string): Order | null {
  const [format, origin = '', kindText, id = '', subjectText = '', time = '', caseText = '', reason = '', ...rest] =
    text.split('\n');
  const kind = orderKinds.find(name => name === kindText);
  const at = parseTime(time);
  const subject = parseSubject(subjectText);
  if (format !== ORDER || !kind || !isOrderId(id) || at === null || !subject) return null;
  if (rest.length !== 1 || !subjectsOf[kind].includes(subject.kind)) return null;
  const order = { origin, kind, id, subject, at, caseId: caseText === '-' ? null : caseText, reason };
  try {
    // What is signed is a text: one that is written in another way than ours is not ours.
    return formatOrder(order) === text ? order : null;
  } catch {
    return null;
  }
}

function parseSubject(text: string): Subject | null {
  const space = text.indexOf(' ');
  const value = text.slice(space + 1);
  try {
    switch (text.slice(0, space)) {
      case 'key':
        return { kind: 'key', keyId: checkKeyId(value) };
      case 'query':
        return { kind: 'query', query: parseQueryJson(value) };
      case 'order':
        return isOrderId(value) ? { kind: 'order', id: value } : null;
      default:
        return null;
    }
  } catch {
    return null;
  }
}

/** Hex SHA256 of an order's text: what an approval names. */
export function orderDigest(text: string): string {
  return hex(nodeCrypto.sha256(utf8(text)));
}

export function formatApproval({ id, sha256, at }: Approval): string {
  return `${[APPROVAL, id, sha256, formatTime(at)].join('\n')}\n`;
}

export function parseApproval(text: string): Approval | null {
  const [format, id = '', sha256 = '', time = '', ...rest] = text.split('\n');
  const at = parseTime(time);
  if (format !== APPROVAL || !isOrderId(id) || !/^[0-9a-f]{64}$/.test(sha256) || at === null) return null;
  return rest.length === 1 ? { id, sha256, at } : null;
}
