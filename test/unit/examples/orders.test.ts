/** The example service: what it records, and that nothing changes without evidence. */
import { expect, test } from 'vitest';
import { ordersApp } from '../../../producers/examples/orders/app.ts';
import { AuditError, type AuditInput } from '../../../producers/sdk/index.ts';

/** An auditor that keeps what it is told, or fails as one without brokers does. */
function tryApp({ broken = false } = {}) {
  const events: AuditInput[] = [];
  const record = async (event: AuditInput): Promise<string> => {
    if (broken) throw new AuditError('not-sent', 'no broker');
    events.push(event);
    return `id-${events.length}`;
  };
  const emit = (event: AuditInput) => void events.push(event);
  const app = ordersApp({ record, emit });
  const call = async (who: string, method: 'GET' | 'POST' | 'PATCH', url: string, payload?: object) => {
    const headers = { authorization: `Bearer ${who}`, 'x-change-ticket': 'CHG-1' };
    const answer = await app.inject({ method, url, headers, ...(payload && { payload }) });
    return { status: answer.statusCode, body: answer.json() };
  };
  return { call, events, fail: () => (broken = true) };
}

const told = (events: AuditInput[]) =>
  events.map(({ action, outcome = 'success', actor }) => [action, outcome, actor?.id]);

test('records what was done, denied and failed, by whom', async () => {
  const { call, events } = tryApp();
  expect(await call('bob', 'POST', '/orders', { item: 'orrery', cents: 9000 })).toMatchObject({ status: 201 });
  expect(await call('bob', 'POST', '/orders', { item: 'unicorn', cents: 1 })).toMatchObject({ status: 409 });
  expect(await call('bob', 'POST', '/orders/o-1/refund', { cents: 9000 })).toMatchObject({ status: 403 });
  expect(await call('ada', 'POST', '/orders/o-1/refund', { cents: 9000, reason: 'broken' })).toMatchObject({
    status: 200,
  });
  expect(await call('bob', 'GET', '/orders/o-1')).toMatchObject({ status: 200, body: { refundedCents: 9000 } });
  expect(told(events)).toEqual([
    ['order.create', 'success', 'u-2077'],
    ['order.create', 'failure', 'u-2077'],
    ['order.refund', 'denied', 'u-2077'],
    ['order.refund', 'success', 'u-1842'],
    ['order.read', 'success', 'u-2077'],
  ]);
  expect(events[3]).toMatchObject({ reason: 'broken', target: { changes: [{ before: 0, after: 9000 }] } });
});

test('a changed setting is told before and after, with its ticket', async () => {
  const { call, events } = tryApp();
  expect(await call('bob', 'PATCH', '/settings', { currency: 'GBP' })).toMatchObject({ status: 403 });
  expect(await call('ada', 'PATCH', '/settings', { currency: 'GBP' })).toMatchObject({ status: 200 });
  const changes = [{ field: 'currency', before: 'EUR', after: 'GBP' }];
  expect(events[0]).toMatchObject({ outcome: 'denied', target: { changes } });
  expect(events[1]).toMatchObject({ target: { changes }, change: { perimeter: 'configuration', reference: 'CHG-1' } });
});

test('strangers, and bodies that are none, change and record nothing', async () => {
  const { call, events } = tryApp();
  expect(await call('eve', 'POST', '/orders', { item: 'orrery', cents: 1 })).toMatchObject({ status: 401 });
  expect(await call('ada', 'PATCH', '/settings', {})).toMatchObject({ status: 400 });
  expect(await call('ada', 'POST', '/orders', { item: 'orrery' })).toMatchObject({ status: 400 });
  expect(events).toEqual([]);
});

test('without evidence nothing happens', async () => {
  const { call, fail } = tryApp();
  await call('ada', 'POST', '/orders', { item: 'orrery', cents: 9000 });
  fail();
  expect(await call('ada', 'POST', '/orders/o-1/refund', { cents: 1 })).toMatchObject({ status: 503 });
  expect(await call('ada', 'GET', '/orders/o-1')).toMatchObject({ body: { refundedCents: 0 } });
});
