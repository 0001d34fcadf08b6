// Evidence from inside: a small Fastify service with the SDK in it, called over HTTP as its users would.

import { ORDERS, startProgram } from './programs.ts';
import { check, heading, pair, say } from './screen.ts';
import type { World } from './world.ts';

type Call = {
  who: string;
  method: string;
  path: string;
  body?: object;
  /** The change that it belongs to. */
  ticket?: string;
  status: number;
  told: string;
};

const TICKET = 'CHG-1042';

const CALLS: readonly Call[] = [
  post('bob', '/orders', { item: 'orrery', cents: 48_000 }, 201, 'order.create'),
  post('bob', '/orders', { item: 'teapot', cents: 2_500 }, 201, 'order.create'),
  post('bob', '/orders', { item: 'unicorn', cents: 1 }, 409, 'order.create, failure: not in stock'),
  { who: 'bob', method: 'GET', path: '/orders/o-1', status: 200, told: 'order.read' },
  post('bob', '/orders/o-1/refund', { cents: 48_000 }, 403, 'order.refund, denied: a clerk may not'),
  post('ada', '/orders/o-1/refund', { cents: 48_000 }, 403, 'order.refund, denied: above the limit'),
  patch('bob', { refundLimitCents: 50_000 }, 403, 'settings.change, denied: a clerk may not'),
  patch('ada', { refundLimitCents: 50_000 }, 200, 'settings.change, 10000 → 50000, ticket CHG-1042'),
  post('ada', '/orders/o-1/refund', { cents: 48_000, reason: 'arrived broken' }, 200, 'order.refund, 0 → 48000'),
  patch('ada', { refundLimitCents: 10_000 }, 200, 'settings.change, 50000 → 10000, ticket CHG-1042'),
  { ...patch('ada', { currency: 'USD' }, 200, 'settings.change, without a ticket: against the policy'), ticket: '' },
];

function post(who: string, path: string, body: object, status: number, told: string): Call {
  return { who, method: 'POST', path, body, status, told };
}

function patch(who: string, body: object, status: number, told: string): Call {
  return { who, method: 'PATCH', path: '/settings', body, ticket: TICKET, status, told };
}

/** Starts the service, calls it, and ends it cleanly: its last event says that the instance is closed. */
export async function callShop(world: World): Promise<void> {
  heading('A service', 'A Fastify service with the SDK, called over HTTP; it answers when the event is safe.');
  const shop = await startProgram(world, ORDERS);
  for (const call of CALLS) {
    const status = await send(shop.url, call);
    pair(`${call.who}  ${call.method.padEnd(5)} ${call.path}`, `${status}  ${call.told}`, 30);
    if (status !== call.status) check(false, `${call.method} ${call.path}`, `found ${status}, expected ${call.status}`);
  }
  await shop.end();
  say();
  say(`${CALLS.length} calls, done, denied and failed ones alike recorded; the service has ended and said so`);
}

async function send(url: string, { who, method, path, body, ticket }: Call): Promise<number> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${who}`,
      ...(ticket && { 'x-change-ticket': ticket }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  await answer.arrayBuffer();
  return answer.status;
}
