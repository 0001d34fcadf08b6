// What a bank's branches record: accounts that are changed by persons, with reasons, names and amounts (thirteen personal fields), and
// reports that machines make. The heavy shape: twice the personal fields of most events.

import type { AuditEvent } from '../../schemas/index.ts';
import { addressOf, chance, eventId, integer, occurredAt, pick, text } from './chance.ts';

export const accountPersons = 300;
export const accountServices = 40;

export function accountEvent(n: number): AuditEvent {
  const isHuman = chance(n + 7) < 0.7;
  const account = pick(n * 3, 100_000);
  return {
    id: eventId(n),
    occurredAt: occurredAt(n),
    action: isHuman ? 'account.update' : 'report.create',
    outcome: 'success',
    tenant: `tenant-${pick(n, 20)}`,
    actor: isHuman ? personOf(pick(n, accountPersons)) : machineOf(pick(n, accountServices)),
    targets: [
      {
        type: 'account',
        id: `a-${account}`,
        name: isHuman ? `Savings account of branch ${pick(n, 90)}` : null,
        person: false,
        changes: isHuman
          ? [
              { field: 'limits.daily', before: integer(1000), after: integer(2500 + pick(n, 500)) },
              { field: 'state', before: text('open'), after: text('restricted') },
            ]
          : [],
      },
    ],
    origin: {
      service: `service-${pick(n, accountServices)}`,
      version: '4.12.1',
      commit: '9fceb02d0ae598e95dc970b74767f19372d61af8',
      environment: 'production',
      region: 'eu-central-1',
      host: `pod-${pick(n, 400)}`,
    },
    producer: { instance: '0194a1b2-1111-7000-8000-000000000001', sequence: n, last: false, abandoned: [] },
    request: {
      id: `req-${n}`,
      traceParent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      clientAddress: addressOf(isHuman ? pick(n, accountPersons) : pick(n, accountServices)),
      userAgent: isHuman ? 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36' : 'curl/8.9',
    },
    change: null,
    reason: isHuman ? `Requested by the customer by telephone, call ${pick(n, 10_000)}` : null,
    corrects: null,
    attributes: [
      { key: 'channel', value: text(isHuman ? 'branch' : 'batch') },
      { key: 'amount', value: integer(pick(n, 90_000)) },
    ],
  };
}

function personOf(n: number): AuditEvent['actor'] {
  return {
    kind: 'human',
    id: `u-${n}`,
    name: `Person Number ${n}`,
    email: `person.${n}@bank.example`,
    roles: ['clerk', 'accounting'],
    session: `s-${n}-${n % 7}`,
    onBehalfOf: [],
    credential: null,
  };
}

function machineOf(n: number): AuditEvent['actor'] {
  const nothing = { name: null, email: null, roles: [], session: null, onBehalfOf: [], credential: null };
  return { kind: 'machine', id: `service-${n}`, ...nothing };
}
