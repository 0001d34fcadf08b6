// Where erasures and holds are asked for, approved and carried out. Each step is told to `record` (an audit event) before it counts:
// what can't be recorded is not done. Two exceptions: a hold stands at once, since it protects, and an erasure that was carried out is
// told until it is recorded (its order is marked done last, and carrying it out again changes nothing).

import { randomUUID } from 'node:crypto';
import { hex } from '../../proof/bytes.ts';
import { type Signer, signNote } from '../../proof/note.ts';
import { formatTime } from '../../proof/period.ts';
import { ErasureError } from './error.ts';
import {
  areTwoPersons,
  type Holds,
  holdsAmong,
  type InvalidOrder,
  isAccepted,
  type JudgedOrder,
  judgeOrder,
  type Rules,
} from './judge.ts';
import {
  checkLine,
  formatApproval,
  formatOrder,
  type Order,
  type OrderKind,
  orderDigest,
  type Subject,
} from './order.ts';
import type { OrderStore } from './order-store.ts';
import type { HoldQuery } from './query.ts';

export type StepName =
  | 'erase.request'
  | 'erase.approve'
  | 'erase.execute'
  | 'erase.refuse'
  | 'hold.place'
  | 'hold.lift-request'
  | 'hold.lift'
  | 'day-key.expire';

/** A step, for its audit event. */
export interface Step {
  readonly name: StepName;
  readonly outcome: 'success' | 'denied' | 'failure';
  /** Whose key signed it; null: a program that carries out what was ordered. */
  readonly by: Signer['key'] | null;
  /** Null: what happens without being ordered. */
  readonly orderId: string | null;
  readonly subject: Subject;
  readonly reason: string;
  readonly caseId: string | null;
  /** What else there is to say, in words without anything personal. */
  readonly details: Readonly<Record<string, string | number>>;
}

/** What the desk needs of the keys. */
export interface ErasableKeys {
  /** Public id of a person's key. */
  idOf(owner: { readonly kind: 'person'; readonly id: string }): string;
  readonly store: {
    find(keyId: string): Promise<{ readonly key: unknown } | null>;
    erase(keyId: string): Promise<{ readonly already: boolean; readonly versions: number }>;
  };
}

export interface DeskOptions {
  readonly orders: OrderStore;
  readonly rules: Rules;
  readonly keys: ErasableKeys;
  record(step: Step): Promise<void>;
  /** Whether a hold's query finds an event with fields under this key; throws where it can't be told. */
  isHeldByQuery(query: HoldQuery, keyId: string): Promise<boolean>;
  readonly now?: () => number;
}

/**
 * Whose key: a person's, or one by its id, as the events of erasure name it (after a backup of keys was restored, whoever was erased
 * since has to be erased again).
 */
export type Whose = { readonly person: string } | { readonly keyId: string };

export interface Ran {
  readonly order: Order;
  readonly outcome: 'erased' | 'held' | 'waits';
  /** Versions of the key that were destroyed. */
  readonly versions: number;
  /** Why it is held, or until when it waits. */
  readonly why: string;
}

type Judged = JudgedOrder | InvalidOrder;

const dayMs = 24 * 3600_000;

export class ErasureDesk {
  readonly #options: DeskOptions;
  readonly #now: () => number;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** All orders, the oldest first; those that are none come last. */
  async list(): Promise<Judged[]> {
    const judged = (await this.#options.orders.all()).map(stored => judgeOrder(stored, this.#options.rules));
    const timeOf = (order: Judged) => (order.state === 'invalid' ? Number.POSITIVE_INFINITY : order.order.at);
    return judged.sort((a, b) => timeOf(a) - timeOf(b) || 0);
  }

  /** Asks that a person's key be destroyed; throws `held`, and records that, where a hold on the person is known. */
  async askErase(me: Signer, whose: Whose, reason: string, caseId: string | null): Promise<Order> {
    const keyId = this.#keyOf(whose);
    const order = this.#newOrder('erase', { kind: 'key', keyId }, reason, caseId);
    await this.#refuseHeld(me, order, holdsAmong(await this.list()), keyId);
    return this.#put(me, order, 'erase.request');
  }

  /** Places a hold, which stands at once. `subject`: a person or the events that a query finds. */
  async placeHold(
    me: Signer,
    subject: Whose | { readonly query: HoldQuery },
    reason: string,
    caseId: string,
  ): Promise<Order> {
    const what: Subject =
      'query' in subject ? { kind: 'query', query: subject.query } : { kind: 'key', keyId: this.#keyOf(subject) };
    const order = this.#newOrder('hold', what, reason, caseId);
    await this.#store(me, order);
    await this.#options.record(stepOf('hold.place', order, me));
    return order;
  }

  /** Asks that a hold be lifted: another one has to approve. */
  async askLift(me: Signer, holdId: string, reason: string): Promise<Order> {
    const isActive = holdsAmong(await this.list()).active.some(({ order }) => order.id === holdId);
    if (!isActive) throw new ErasureError('not-found', `there is no hold ${holdId} that stands`);
    return this.#put(me, this.#newOrder('lift', { kind: 'order', id: holdId }, reason, null), 'hold.lift-request');
  }

  /**
   * Approves what another one has asked for. For an erasure the approver says whose it is, by himself: an order shows a key's id
   * alone, and nobody shall approve what he can't see.
   */
  async approve(me: Signer, kind: 'erase' | 'lift', id: string, whose: Whose | null): Promise<JudgedOrder> {
    const { orders, rules } = this.#options;
    const all = await this.list();
    const found = all.find(order => (order.state === 'invalid' ? order : order.order).id === id);
    if (!found) throw new ErasureError('not-found', `there is no order ${id}`);
    if (found.state === 'invalid') throw new ErasureError('invalid-order', `order ${id}: ${found.why}`);
    const { order, text, by } = found;
    if (order.kind !== kind) throw new ErasureError('not-found', `${id} is an order to ${order.kind}, not to ${kind}`);
    if (found.state === 'done') throw new ErasureError('done', `order ${id} was carried out already`);
    const at = this.#now();
    const note = signNote(formatApproval({ id, sha256: orderDigest(text), at }), me);
    if (!areTwoPersons(by, me.key)) throw new ErasureError('self-approval', `${by.name} asked: another one approves`);
    this.#checkKnown(me, at);
    if (order.subject.kind === 'key') {
      if (whose === null || this.#keyOf(whose) !== order.subject.keyId)
        throw new ErasureError('other-person', `order ${id} is not about this person: see what was asked for`);
      await this.#refuseHeld(me, order, holdsAmong(all), order.subject.keyId);
    }
    await this.#options.record(stepOf(kind === 'erase' ? 'erase.approve' : 'hold.lift', order, me));
    if (!(await orders.approve(kind, id, hex(me.key.id), note)))
      throw new ErasureError('done', `order ${id} was approved by ${me.key.name} already`);
    const stored = await orders.find(kind, id);
    const judged = stored && judgeOrder(stored, rules);
    if (judged && judged.state !== 'invalid') return judged;
    throw new ErasureError('invalid-order', `order ${id} was changed meanwhile: see tidemark erase list`);
  }

  /**
   * Carries out what is approved and due. What a hold forbids is refused, recorded, and tried again the next time. What was done is
   * done again where its key is there: a backup was restored, or somebody only marked it as done.
   */
  async run(onRan: (ran: Ran) => void | Promise<void> = () => {}): Promise<Ran[]> {
    const ran: Ran[] = [];
    for (const judged of await this.list()) {
      if (judged.state === 'invalid' || judged.order.kind !== 'erase' || !judged.approvedBy) continue;
      if (judged.state === 'done' && (await this.#isErased(judged.order.subject))) continue;
      const result = await this.#runOne(judged);
      ran.push(result);
      await onRan(result);
    }
    return ran;
  }

  /**
   * Destroys the keys of days (2026-01-05) that ended longer than `keepMs` ago: what was refused then can't be read any more. While any
   * hold stands none is destroyed, since nobody can say whom such bytes concern; the answer is then what holds them.
   */
  async expireDayKeys(
    days: AsyncIterable<string>,
    keepMs: number,
  ): Promise<{ expired: string[]; held: string | null }> {
    const { record, keys } = this.#options;
    const expired: string[] = [];
    for await (const day of days) {
      const end = Date.parse(`${day}T00:00:00Z`) + dayMs;
      const keyId = `d1.${day}`;
      if (!(end + keepMs <= this.#now()) || (await keys.store.find(keyId))?.key === 'erased') continue;
      const { active, unclear } = holdsAmong(await this.list());
      const hold = active[0]?.order.id ?? unclear[0]?.id;
      if (hold !== undefined) return { expired, held: `hold ${hold}` };
      const step = { orderId: null, subject: { kind: 'key', keyId }, caseId: null, by: null, details: {} } as const;
      await record({ ...step, name: 'day-key.expire', outcome: 'success', reason: 'the end of its time' });
      await keys.store.erase(keyId);
      expired.push(day);
    }
    return { expired, held: null };
  }

  async #runOne({ order, dueAt, by, approvedBy }: JudgedOrder): Promise<Ran> {
    const { orders, keys } = this.#options;
    const { subject } = order;
    if (subject.kind !== 'key' || dueAt === null) throw new TypeError('only an approved erasure can be carried out');
    const done = (outcome: Ran['outcome'], why: string, versions = 0): Ran => ({ order, outcome, versions, why });
    if (dueAt > this.#now()) return done('waits', `until ${formatTime(Math.ceil(dueAt / 1000) * 1000)}`);
    // Read again, as late as can be: a hold may have been placed while the others were carried out.
    const why = await this.#heldBy(holdsAmong(await this.list()), subject.keyId);
    if (why !== null) {
      await this.#options.record(stepOf('erase.refuse', order, null, 'denied', { why }));
      return done('held', why);
    }
    const { versions, already } = await keys.store.erase(subject.keyId);
    const details = { askedBy: by.name, approvedBy: approvedBy?.name ?? '', versions, already: already ? 1 : 0 };
    await this.#options.record(stepOf('erase.execute', order, null, 'success', details));
    await orders.markDone('erase', order.id, new Date(this.#now()));
    return done('erased', already ? 'its key was destroyed before' : '', versions);
  }

  async #isErased(subject: Subject): Promise<boolean> {
    return subject.kind === 'key' && (await this.#options.keys.store.find(subject.keyId))?.key === 'erased';
  }

  async #heldBy({ active, unclear }: Holds, keyId: string): Promise<string | null> {
    const known = heldByPerson({ active, unclear }, keyId);
    if (known !== null) return known;
    for (const { order } of active) {
      if (order.subject.kind !== 'query') continue;
      let isHeld = true;
      let why = `hold ${order.id} (case ${order.caseId ?? '-'})`;
      try {
        isHeld = await this.#options.isHeldByQuery(order.subject.query, keyId);
      } catch (error) {
        why += `: whether its query finds this person can't be told: ${error instanceof Error ? error.message : error}`;
      }
      if (isHeld) return why;
    }
    return null;
  }

  /** Refuses what a hold on the person forbids; queries are asked when it is carried out. */
  async #refuseHeld(me: Signer, order: Order, holds: Holds, keyId: string): Promise<void> {
    this.#checkKnown(me, this.#now());
    const why = heldByPerson(holds, keyId);
    if (why === null) return;
    await this.#options.record(stepOf('erase.refuse', order, me, 'denied', { why }));
    throw new ErasureError('held', `refused: ${why}`);
  }

  #keyOf(whose: Whose): string {
    if ('person' in whose) return this.#options.keys.idOf({ kind: 'person', id: whose.person });
    if (/^p1\.[0-9a-f]{32}$/.test(whose.keyId)) return whose.keyId;
    throw new ErasureError('bad-order', "key: expected the id of a person's key, p1. and 32 hex digits");
  }

  #newOrder(kind: OrderKind, subject: Subject, reason: string, caseId: string | null): Order {
    const at = Math.floor(this.#now() / 1000) * 1000;
    const { origin } = this.#options.rules;
    const texts = { caseId: caseId === null ? null : checkLine(caseId, 'case'), reason: checkLine(reason, 'reason') };
    return { origin, kind, id: randomUUID(), subject, at, ...texts };
  }

  async #put(me: Signer, order: Order, name: StepName): Promise<Order> {
    this.#checkKnown(me, order.at);
    await this.#options.record(stepOf(name, order, me));
    await this.#store(me, order);
    return order;
  }

  async #store(me: Signer, order: Order): Promise<void> {
    this.#checkKnown(me, order.at);
    const isNew = await this.#options.orders.create(order.kind, order.id, signNote(formatOrder(order), me));
    if (!isNew) throw new ErasureError('done', `there is an order ${order.id} already`);
  }

  #checkKnown(me: Signer, at: number): void {
    if (isAccepted(me.key, this.#options.rules.approvers, at)) return;
    throw new ErasureError('unknown-key', `${me.key.name} is none of TIDEMARK_APPROVERS, or not at this time`);
  }
}

/** Why a person's key must not be destroyed, as far as that is known without looking at events. */
function heldByPerson({ active, unclear }: Holds, keyId: string): string | null {
  const [strange] = unclear;
  if (strange) return `what lies in the place of hold ${strange.id} can't be judged (${strange.why}): look at it first`;
  const hold = active.find(({ order: { subject } }) => subject.kind === 'key' && subject.keyId === keyId);
  return hold ? `hold ${hold.order.id} (case ${hold.order.caseId ?? '-'})` : null;
}

function stepOf(
  name: StepName,
  order: Order,
  me: Signer | null,
  outcome: Step['outcome'] = 'success',
  details: Step['details'] = {},
): Step {
  const { id: orderId, subject, reason, caseId } = order;
  return { name, outcome, by: me?.key ?? null, orderId, subject, reason, caseId, details };
}
