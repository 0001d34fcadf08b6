// What an order in the bucket is worth: everything there may have been put there by anybody, so only what is signed counts, by keys
// that the approvers' file knows, at the place and for the text that the signature covers. Pure: time is passed in.

import { type DatedKey, isValidAt } from '../../proof/keys.ts';
import { formatVerifierKey, type Note, parseNote, signerOf, type VerifierKey } from '../../proof/note.ts';
import { nodeCrypto } from '../crypto.ts';
import { type Order, type OrderKind, orderDigest, parseApproval, parseOrder } from './order.ts';

/** A note as it lies in the bucket; `storedAt` (ms) is the bucket's clock, which a signer can't set back. */
export interface StoredNote {
  readonly bytes: Uint8Array;
  readonly storedAt: number;
}

export interface StoredOrder {
  /** Of its place. */
  readonly kind: OrderKind;
  readonly id: string;
  readonly note: StoredNote;
  readonly approvals: readonly StoredNote[];
  readonly isDone: boolean;
}

export interface Rules {
  readonly origin: string;
  readonly approvers: readonly DatedKey[];
  /** From the approval to the erasure. */
  readonly delayMs: number;
}

export interface JudgedOrder {
  readonly state: 'asked' | 'approved' | 'done';
  readonly order: Order;
  readonly text: string;
  readonly by: VerifierKey;
  readonly approvedBy: VerifierKey | null;
  /** When it may be carried out, ms; null before it is approved. */
  readonly dueAt: number | null;
  /** Why approvals that lie beside it do not count. */
  readonly remarks: readonly string[];
}

/** Not what an approver signed, or not where it belongs. */
export interface InvalidOrder {
  readonly state: 'invalid';
  readonly kind: OrderKind;
  readonly id: string;
  readonly why: string;
}

const dayMs = 24 * 3600_000;

/** The accepted key whose signature is on the note; null where there is none. A key's last day is a whole one. */
function signerAt(note: Note, keys: readonly DatedKey[], ms: number): VerifierKey | null {
  const valid = keys.filter(dated => isValidAt(dated, ms, dayMs)).map(({ key }) => key);
  return signerOf(nodeCrypto, note, valid);
}

/** Whether a key is one of these at this time. */
export function isAccepted(key: VerifierKey, keys: readonly DatedKey[], ms: number): boolean {
  const text = formatVerifierKey(key);
  return keys.some(dated => isValidAt(dated, ms, dayMs) && formatVerifierKey(dated.key) === text);
}

/** Whether two keys are two persons': another name and another key. One key under two names is one person's. */
export function areTwoPersons(a: VerifierKey, b: VerifierKey): boolean {
  return a.name !== b.name && !Buffer.from(a.publicKey).equals(b.publicKey);
}

export function judgeOrder(stored: StoredOrder, rules: Rules): JudgedOrder | InvalidOrder {
  const { kind, id } = stored;
  const invalid = (why: string): InvalidOrder => ({ state: 'invalid', kind, id, why });
  const note = noteIn(stored.note.bytes);
  const order = note && parseOrder(note.text);
  if (!note || !order) return invalid('found something else than a signed order');
  if (order.kind !== kind || order.id !== id) return invalid(`found the ${order.kind} order ${order.id} in its place`);
  if (order.origin !== rules.origin) return invalid(`found an order for ${order.origin}, expected ${rules.origin}`);
  // A hold protects: it stays one when its signer has left. What destroys is judged by the time that nobody can set back.
  const at = kind === 'hold' ? order.at : Math.max(order.at, stored.note.storedAt);
  const by = signerAt(note, rules.approvers, at);
  if (!by) return invalid('found no signature by a key of TIDEMARK_APPROVERS that was valid then');
  const judged = stored.approvals.map(approval => judgeApproval(approval, order, note.text, by, rules));
  const approvals = judged.flatMap(found => (typeof found === 'string' ? [] : [found])).sort((a, b) => a.at - b.at);
  const remarks = judged.filter(found => typeof found === 'string');
  const [first] = approvals;
  const dueAt = first ? Math.max(first.at, at) + (kind === 'erase' ? rules.delayMs : 0) : null;
  const state = stored.isDone ? 'done' : first ? 'approved' : 'asked';
  return { state, order, text: note.text, by, approvedBy: first?.by ?? null, dueAt, remarks };
}

/** Who approved and since when, or why it does not count. */
function judgeApproval(
  { bytes, storedAt }: StoredNote,
  order: Order,
  text: string,
  asker: VerifierKey,
  { approvers }: Rules,
): { readonly by: VerifierKey; readonly at: number } | string {
  const note = noteIn(bytes);
  const approval = note && parseApproval(note.text);
  if (!note || !approval) return 'an approval is no signed approval';
  if (approval.id !== order.id) return `an approval is of the order ${approval.id}`;
  if (approval.sha256 !== orderDigest(text)) return 'an approval is of another text of this order: it was altered';
  const at = Math.max(approval.at, storedAt);
  const by = signerAt(note, approvers, at);
  if (!by) return 'an approval is signed by no key of TIDEMARK_APPROVERS that was valid then';
  if (!areTwoPersons(asker, by)) return `${by.name} asked and can't approve as well`;
  return { by, at };
}

function noteIn(bytes: Uint8Array): Note | null {
  try {
    return parseNote(bytes);
  } catch {
    return null;
  }
}

/** What forbids erasures. */
export interface Holds {
  readonly active: readonly JudgedOrder[];
  /** What lies at the place of a hold and is none: it may have been one, so nothing is erased until somebody has looked. */
  readonly unclear: readonly InvalidOrder[];
}

export function holdsAmong(orders: readonly (JudgedOrder | InvalidOrder)[]): Holds {
  const lifted = new Set(
    orders.flatMap(order =>
      order.state !== 'invalid' && order.approvedBy && order.order.subject.kind === 'order'
        ? [order.order.subject.id]
        : [],
    ),
  );
  const active = orders.flatMap(order =>
    order.state !== 'invalid' && order.order.kind === 'hold' && !lifted.has(order.order.id) ? [order] : [],
  );
  const unclear = orders.flatMap(order => (order.state === 'invalid' && order.kind === 'hold' ? [order] : []));
  return { active, unclear };
}
