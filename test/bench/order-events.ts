// What the orders example records when somebody refunds an order: a person with name, e-mail and session, the client's address and user
// agent, one field before and after. Seven personal fields: the shape of most audit events.

import type { AuditEvent } from '../../schemas/index.ts';
import { addressOf, chance, eventId, integer, occurredAt, pick } from './chance.ts';

export const orderPersons = 1000;
export const orderServices = 12;

const agents = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1',
  'curl/8.9.1',
];

export function orderEvent(n: number): AuditEvent {
  const person = pick(n, orderPersons);
  const service = pick(n * 3, orderServices);
  const cents = 500 + pick(n * 7, 20_000);
  const hex = Math.floor(chance(n + 11) * 2 ** 32).toString(16);
  return {
    id: eventId(n),
    occurredAt: occurredAt(n),
    action: 'order.refund',
    outcome: 'success',
    tenant: null,
    actor: {
      kind: 'human',
      id: `u-${person}`,
      name: `Person Number ${person}`,
      email: `person.${person}@shop.example`,
      roles: ['finance', 'clerk'],
      session: `s-${person}-${n % 7}`,
      onBehalfOf: [],
      credential: null,
    },
    targets: [
      {
        type: 'order',
        id: `o-${pick(n * 5, 100_000)}`,
        name: null,
        person: false,
        changes: [{ field: 'refundedCents', before: integer(0), after: integer(cents) }],
      },
    ],
    origin: {
      service: `orders-${service}`,
      version: '4.2.0',
      commit: '9fceb02d0ae598e95dc970b74767f19372d61af8',
      environment: 'production',
      region: 'eu-central-1',
      host: `orders-${service}-6d4cf56db-x${n % 40}`,
    },
    producer: { instance: '0194a1b2-1111-7000-8000-000000000002', sequence: n, last: false, abandoned: [] },
    request: {
      id: `req-${n}`,
      traceParent: `00-0af7651916cd43dd8448eb21${hex.padStart(8, '0')}-b7ad6b7169203331-01`,
      clientAddress: addressOf(person),
      userAgent: agents[n % agents.length] ?? null,
    },
    change: null,
    reason: null,
    corrects: null,
    attributes: [],
  };
}
