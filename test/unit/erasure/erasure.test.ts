import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { formatApproval, orderDigest, parseQuery } from '../../../core/edge/erasure/index.ts';
import { parseNote, signNote } from '../../../core/proof/note.ts';
import { testSigner } from '../../test-keys.ts';
import { ada, ben, cleo, day, mallory, type Office, office, origin, undated } from './office.ts';

const person = 'u-1842';
const ask = ({ desk }: Office, id = person) => desk.askErase(ada, { person: id }, 'asked by letter', 'C-17');
const textOf = (o: Office, name: string) => parseNote(Buffer.from(o.orders.text(name))).text;

function approvalOf(o: Office, id: string, by = ben, kind = 'erase'): Uint8Array {
  const sha256 = orderDigest(textOf(o, `${kind}/${id}/order.note`));
  return signNote(formatApproval({ id, sha256, at: o.clock.now }), by);
}

async function outcomes(o: Office): Promise<string[]> {
  return (await o.desk.run()).map(({ outcome }) => outcome);
}

describe('an erasure', () => {
  test('is asked for by one, approved by another, carried out after the delay, and each step recorded', async () => {
    const o = office();
    const { id } = await ask(o);
    expect(await outcomes(o)).toEqual([]);
    await o.desk.approve(ben, 'erase', id, { person });
    o.clock.now += 7 * day - 1000;
    expect(await outcomes(o)).toEqual(['waits']);
    expect(o.erased).toEqual([]);
    o.clock.now += 1000;
    expect(await o.desk.run()).toMatchObject([{ outcome: 'erased', versions: 2 }]);
    expect(o.erased).toEqual([o.idOf(person)]);
    expect(await outcomes(o)).toEqual([]);
    expect(o.steps.map(({ name, outcome, by }) => [name, outcome, by?.name])).toEqual([
      ['erase.request', 'success', 'u-ada'],
      ['erase.approve', 'success', 'u-ben'],
      ['erase.execute', 'success', undefined],
    ]);
  });

  test('names the key and never the person', async () => {
    const o = office();
    const { id } = await ask(o);
    await o.desk.approve(ben, 'erase', id, { person });
    const stored = [...o.orders.files].map(([name]) => name + o.orders.text(name)).join();
    expect(stored + JSON.stringify(o.steps)).not.toContain(person);
    expect(stored).toContain(o.idOf(person));
  });

  test('may name the key itself, as the events of an erasure do', async () => {
    const o = office();
    const { id } = await o.desk.askErase(ada, { keyId: o.idOf(person) }, 'a backup was restored', null);
    await o.desk.approve(ben, 'erase', id, { keyId: o.idOf(person) });
    o.clock.now += 8 * day;
    expect(await outcomes(o)).toEqual(['erased']);
    for (const keyId of ['d1.2026-01-05', 'p2.00', ''])
      await expect(o.desk.askErase(ada, { keyId }, 'no', null)).rejects.toMatchObject({ code: 'bad-order' });
  });

  test('is not asked for where it can not be recorded', async () => {
    const o = office();
    o.recorder.isDown = true;
    await expect(ask(o)).rejects.toThrow('no broker');
    expect(o.orders.files.size).toBe(0);
  });

  test('is not approved where it can not be recorded', async () => {
    const o = office();
    const { id } = await ask(o);
    o.recorder.isDown = true;
    await expect(o.desk.approve(ben, 'erase', id, { person })).rejects.toThrow('no broker');
    o.recorder.isDown = false;
    o.clock.now += 30 * day;
    expect(await outcomes(o)).toEqual([]);
  });

  test('is told again where it was carried out and could not be recorded', async () => {
    const o = office();
    const { id } = await ask(o);
    await o.desk.approve(ben, 'erase', id, { person });
    o.clock.now += 8 * day;
    o.recorder.isDown = true;
    await expect(o.desk.run()).rejects.toThrow('no broker');
    o.recorder.isDown = false;
    expect(await o.desk.run()).toMatchObject([{ outcome: 'erased', why: 'its key was destroyed before' }]);
    expect(o.steps.at(-1)).toMatchObject({ name: 'erase.execute', outcome: 'success' });
  });

  test.each(['', '  ', 'two\nlines', 'a\u2028b', 'a\u0000b'])('takes no reason like %j', async reason => {
    await expect(office().desk.askErase(ada, { person }, reason, null)).rejects.toMatchObject({ code: 'bad-order' });
  });
});

describe('an attacker does not get through with', () => {
  test('approving by oneself', async () => {
    const o = office();
    const { id } = await ask(o);
    await expect(o.desk.approve(ada, 'erase', id, { person })).rejects.toMatchObject({ code: 'self-approval' });
    o.orders.plant(`erase/${id}/approval-00000000.note`, approvalOf(o, id, ada));
    o.clock.now += 30 * day;
    expect(await outcomes(o)).toEqual([]);
    expect(await o.desk.list()).toMatchObject([{ state: 'asked', remarks: ["u-ada asked and can't approve as well"] }]);
  });

  test('one key under two names', async () => {
    const twin = testSigner('u-twin', 'u-ada');
    const o = office([ada, twin].map(({ key }) => undated(key)));
    const { id } = await ask(o);
    await expect(o.desk.approve(twin, 'erase', id, { person })).rejects.toMatchObject({ code: 'self-approval' });
    o.orders.plant(`erase/${id}/approval-00000000.note`, approvalOf(o, id, twin));
    expect(await o.desk.list()).toMatchObject([{ state: 'asked' }]);
  });

  test('two keys under one name', async () => {
    const second = testSigner('u-ada', 'another');
    const o = office([ada, second].map(({ key }) => undated(key)));
    const { id } = await ask(o);
    await expect(o.desk.approve(second, 'erase', id, { person })).rejects.toMatchObject({ code: 'self-approval' });
  });

  test('a key that nobody knows', async () => {
    const o = office();
    await expect(o.desk.askErase(mallory, { person }, 'because', null)).rejects.toMatchObject({ code: 'unknown-key' });
    const { id } = await ask(o);
    await expect(o.desk.approve(mallory, 'erase', id, { person })).rejects.toMatchObject({ code: 'unknown-key' });
    o.orders.plant(`erase/${id}/approval-00000000.note`, approvalOf(o, id, mallory));
    o.clock.now += 30 * day;
    expect(await outcomes(o)).toEqual([]);
  });

  test("an approver's name under one's own key", async () => {
    const o = office();
    const { id } = await ask(o);
    const forged = testSigner('u-ben', 'u-mallory');
    o.orders.plant(`erase/${id}/approval-00000000.note`, approvalOf(o, id, forged));
    expect(await o.desk.list()).toMatchObject([{ state: 'asked' }]);
  });

  test('the approval of another order', async () => {
    const o = office();
    const first = await ask(o, 'u-1');
    const second = await ask(o, 'u-2');
    await o.desk.approve(ben, 'erase', first.id, { person: 'u-1' });
    const [name = ''] = [...o.orders.files.keys()].filter(file => file.includes('approval'));
    o.orders.plant(name.replace(first.id, second.id), o.orders.text(name));
    o.clock.now += 8 * day;
    await o.desk.run();
    expect(o.erased).toEqual([o.idOf('u-1')]);
    expect((await o.desk.list()).at(1)).toMatchObject({ remarks: [`an approval is of the order ${first.id}`] });
  });

  test('an order that was altered after it was approved, by who asked', async () => {
    const o = office();
    const { id } = await ask(o);
    await o.desk.approve(ben, 'erase', id, { person });
    const name = `erase/${id}/order.note`;
    const altered = textOf(o, name).replace(o.idOf(person), o.idOf('u-2'));
    o.orders.plant(name, signNote(altered, ada));
    o.clock.now += 30 * day;
    expect(await outcomes(o)).toEqual([]);
    expect(await o.desk.list()).toMatchObject([{ state: 'asked', remarks: [expect.stringContaining('was altered')] }]);
  });

  test('an order that was altered by somebody else', async () => {
    const o = office();
    const { id } = await ask(o);
    const name = `erase/${id}/order.note`;
    o.orders.plant(name, o.orders.text(name).replace(o.idOf(person), o.idOf('u-2')));
    expect(await o.desk.list()).toMatchObject([{ state: 'invalid' }]);
    await expect(o.desk.approve(ben, 'erase', id, { person: 'u-2' })).rejects.toMatchObject({ code: 'invalid-order' });
  });

  test('an approved order replayed in another place', async () => {
    const o = office();
    const { id } = await ask(o);
    await o.desk.approve(ben, 'erase', id, { person });
    const elsewhere = randomUUID();
    for (const [name] of [...o.orders.files]) o.orders.plant(name.replace(id, elsewhere), o.orders.text(name));
    expect((await o.desk.list()).map(({ state }) => state).sort()).toEqual(['approved', 'invalid']);
  });

  test("another archive's order", async () => {
    const o = office();
    const { id } = await ask(o);
    const name = `erase/${id}/order.note`;
    o.orders.plant(name, signNote(textOf(o, name).replace(origin, 'audit.example.com/other'), ada));
    expect(await o.desk.list()).toMatchObject([{ state: 'invalid', why: expect.stringContaining('other') }]);
  });

  test('a time that was set back', async () => {
    const o = office();
    const { id } = await ask(o);
    const sha256 = orderDigest(textOf(o, `erase/${id}/order.note`));
    const early = signNote(formatApproval({ id, sha256, at: o.clock.now - 30 * day }), ben);
    o.clock.now += 3 * day;
    o.orders.plant(`erase/${id}/approval-00000000.note`, early);
    o.clock.now += 5 * day;
    expect(await outcomes(o)).toEqual(['waits']);
  });

  test('the key of one who has left, by setting the time back', async () => {
    const left = { key: ben.key, first: null, last: Date.parse('2026-01-01T00:00:00Z') };
    const o = office([undated(ada.key), left]);
    const { id } = await ask(o);
    await expect(o.desk.approve(ben, 'erase', id, { person })).rejects.toMatchObject({ code: 'unknown-key' });
    const sha256 = orderDigest(textOf(o, `erase/${id}/order.note`));
    const at = Date.parse('2025-12-31T00:00:00Z');
    o.orders.plant(`erase/${id}/approval-00000000.note`, signNote(formatApproval({ id, sha256, at }), ben));
    expect(await o.desk.list()).toMatchObject([{ state: 'asked' }]);
  });

  test('a mark that it was done, or the key from a backup', async () => {
    const o = office();
    const { id } = await ask(o);
    await o.desk.approve(ben, 'erase', id, { person });
    o.orders.plant(`erase/${id}/done.json`, '{}');
    o.clock.now += 8 * day;
    expect(await outcomes(o)).toEqual(['erased']);
    expect(await outcomes(o)).toEqual([]);
    o.erased.length = 0;
    expect(await outcomes(o)).toEqual(['erased']);
  });

  test('an order of one who has left, dated back', async () => {
    const o = office([undated(ada.key), { key: ben.key, first: null, last: Date.parse('2026-01-10T00:00:00Z') }]);
    const { id } = await o.desk.askErase(ben, { person }, 'asked by letter', null);
    const [[name = '', { bytes }] = ['', { bytes: new Uint8Array() }]] = o.orders.files;
    o.clock.now += 30 * day;
    o.orders.plant(name, bytes);
    expect(await o.desk.list()).toMatchObject([{ id, state: 'invalid' }]);
  });

  test('an order that is written in another way than ours', async () => {
    const o = office();
    const hold = await o.desk.placeHold(cleo, { query: parseQuery('action=a.* tenant=acme') }, 'a court asked', 'C-9');
    const name = `hold/${hold.id}/order.note`;
    for (const [from, to] of [
      ['"action":', '"action": '],
      ['a court asked', ' a court asked'],
      ['a court asked', 'a court asked\nor not'],
      ['tidemark-order/1', 'tidemark-order/2'],
    ] as const) {
      const whole = o.orders.text(name);
      o.orders.plant(name, signNote(textOf(o, name).replace(from, to), cleo));
      expect(await o.desk.list(), to).toMatchObject([{ state: 'invalid' }]);
      o.orders.plant(name, whole);
      expect(await o.desk.list()).toMatchObject([{ state: 'asked' }]);
    }
  });

  test('having approved what is not seen: the approver names the person', async () => {
    const o = office();
    const { id } = await ask(o);
    await expect(o.desk.approve(ben, 'erase', id, { person: 'u-2' })).rejects.toMatchObject({ code: 'other-person' });
    await expect(o.desk.approve(ben, 'erase', id, null)).rejects.toMatchObject({ code: 'other-person' });
  });
});

describe('the key of a day', () => {
  async function* days() {
    yield* ['2025-10-01', '2025-10-07', '2025-10-08', '2026-01-05', 'strange'];
  }

  test('is destroyed at its end, once, and not while a hold stands', async () => {
    const o = office();
    const hold = await o.desk.placeHold(cleo, { person }, 'a court asked', 'C-9');
    expect(await o.desk.expireDayKeys(days(), 90 * day)).toEqual({ expired: [], held: `hold ${hold.id}` });
    const lift = await o.desk.askLift(cleo, hold.id, 'the case is closed');
    await o.desk.approve(ada, 'lift', lift.id, null);
    o.clock.now = Date.parse('2026-01-06T00:00:00Z');
    expect(await o.desk.expireDayKeys(days(), 90 * day)).toEqual({ expired: ['2025-10-01', '2025-10-07'], held: null });
    expect(await o.desk.expireDayKeys(days(), 90 * day)).toEqual({ expired: [], held: null });
    expect(o.steps.filter(({ name }) => name === 'day-key.expire').map(({ subject }) => subject)).toEqual([
      { kind: 'key', keyId: 'd1.2025-10-01' },
      { kind: 'key', keyId: 'd1.2025-10-07' },
    ]);
  });
});

describe('a hold', () => {
  test('stands at once, and what it forbids is refused and recorded', async () => {
    const o = office();
    const hold = await o.desk.placeHold(cleo, { person }, 'a court asked', 'C-9');
    await expect(ask(o)).rejects.toMatchObject({ code: 'held', message: `refused: hold ${hold.id} (case C-9)` });
    await ask(o, 'u-2');
    expect(o.steps.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'hold.place success',
      'erase.refuse denied',
      'erase.request success',
    ]);
  });

  test('that is placed between the approval and the erasure stops it, until two persons lift it', async () => {
    const o = office();
    const { id } = await ask(o);
    await o.desk.approve(ben, 'erase', id, { person });
    const hold = await o.desk.placeHold(cleo, { person }, 'a court asked', 'C-9');
    o.clock.now += 8 * day;
    expect(await outcomes(o)).toEqual(['held']);
    const lift = await o.desk.askLift(cleo, hold.id, 'the case is closed');
    expect(await outcomes(o)).toEqual(['held']);
    await expect(o.desk.approve(cleo, 'lift', lift.id, null)).rejects.toMatchObject({ code: 'self-approval' });
    await o.desk.approve(ada, 'lift', lift.id, null);
    expect(await outcomes(o)).toEqual(['erased']);
  });

  test('stands although it can not be recorded', async () => {
    const o = office();
    o.recorder.isDown = true;
    await expect(o.desk.placeHold(cleo, { person }, 'a court asked', 'C-9')).rejects.toThrow('no broker');
    o.recorder.isDown = false;
    await expect(ask(o)).rejects.toMatchObject({ code: 'held' });
  });

  test('is not lifted by the lifting of another, or by its replay on a new one', async () => {
    const o = office();
    const first = await o.desk.placeHold(cleo, { person }, 'a court asked', 'C-9');
    const lift = await o.desk.askLift(ada, first.id, 'closed');
    await o.desk.approve(ben, 'lift', lift.id, null);
    const second = await o.desk.placeHold(cleo, { person }, 'again', 'C-10');
    await expect(ask(o)).rejects.toMatchObject({ code: 'held' });
    await expect(o.desk.askLift(ada, first.id, 'closed')).rejects.toMatchObject({ code: 'not-found' });
    expect(second.id).not.toBe(first.id);
  });

  test('is not made none by being altered: nothing is erased until somebody has looked', async () => {
    const o = office();
    const { id } = await ask(o);
    await o.desk.approve(ben, 'erase', id, { person });
    const hold = await o.desk.placeHold(cleo, { person: 'u-2' }, 'a court asked', 'C-9');
    o.orders.plant(`hold/${hold.id}/order.note`, 'nothing');
    o.clock.now += 8 * day;
    expect(await o.desk.run()).toMatchObject([{ outcome: 'held', why: expect.stringContaining("can't be judged") }]);
  });

  test('stays one when its signer has left', async () => {
    const o = office([undated(ada.key), { key: cleo.key, first: null, last: Date.parse('2026-02-01T00:00:00Z') }]);
    const hold = await o.desk.placeHold(cleo, { person }, 'a court asked', 'C-9');
    o.clock.now += 365 * day;
    const name = `hold/${hold.id}/order.note`;
    o.orders.plant(name, o.orders.text(name)); // its bucket was copied
    await expect(ask(o)).rejects.toMatchObject({ code: 'held', message: `refused: hold ${hold.id} (case C-9)` });
  });

  test('by a query holds those whom it finds, and everybody where that can not be told', async () => {
    const o = office();
    const { id } = await ask(o);
    await o.desk.approve(ben, 'erase', id, { person });
    await o.desk.placeHold(cleo, { query: parseQuery('action=account.* tenant=acme') }, 'a court asked', 'C-9');
    o.clock.now += 8 * day;
    o.found.keyIds = [o.idOf(person)];
    expect(await outcomes(o)).toEqual(['held']);
    o.found.keyIds = new Error('the archive is away');
    expect(await o.desk.run()).toMatchObject([
      { outcome: 'held', why: expect.stringContaining('the archive is away') },
    ]);
    o.found.keyIds = [o.idOf('u-2')];
    expect(await outcomes(o)).toEqual(['erased']);
  });

  test('takes queries of known fields only', () => {
    expect(parseQuery('action=a.* action=b.* from=2026-01-05')).toEqual({ from: '2026-01-05', action: ['a.*', 'b.*'] });
    for (const text of ['', 'action', 'action=', 'name=Ada', 'from=yesterday'])
      expect(() => parseQuery(text), text).toThrow(expect.objectContaining({ code: 'bad-order' }));
  });
});
