// Raw records as services send them: persons who change things, with names, addresses and reasons, and machines that do.

import type { FetchedRecord } from '../../core/edge/kafka/index.ts';
import { type AuditEvent, auditEventType } from '../../schemas/index.ts';

const persons = 300;
const services = 40;
const firstMs = Date.UTC(2026, 0, 5, 10);

/** A number from 0 to 1 that follows from n: the same records in each run. */
const chance = (n: number): number => ((n * 2_654_435_761) % 4_294_967_296) / 4_294_967_296;
const pick = (n: number, of: number): number => Math.floor(chance(n) * of);

export function benchRecords(count: number): FetchedRecord[] {
  return Array.from({ length: count }, (_, n): FetchedRecord => {
    const event = eventOf(n);
    const [target] = event.targets;
    return {
      offset: BigInt(n),
      timestamp: firstMs + n,
      logAppendTime: true,
      key: Buffer.from(`${target?.type}/${target?.id}`),
      value: Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), auditEventType().encode(event)]),
      headers: [],
    };
  });
}

function eventOf(n: number): AuditEvent {
  const isHuman = chance(n + 7) < 0.7;
  const account = pick(n * 3, 100_000);
  return {
    id: `0194a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
    occurredAt: (firstMs + n - 40) * 1000,
    action: isHuman ? 'account.update' : 'report.create',
    outcome: 'success',
    tenant: `tenant-${pick(n, 20)}`,
    actor: isHuman ? personOf(pick(n, persons)) : machineOf(pick(n, services)),
    targets: [
      {
        type: 'account',
        id: `a-${account}`,
        name: isHuman ? `Savings account of branch ${pick(n, 90)}` : null,
        person: false,
        changes: isHuman
          ? [
              { field: 'limits.daily', before: number(1000), after: number(2500 + pick(n, 500)) },
              { field: 'state', before: text('open'), after: text('restricted') },
            ]
          : [],
      },
    ],
    origin: {
      service: `service-${pick(n, services)}`,
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
      clientAddress: addressOf(isHuman ? pick(n, persons) : pick(n, services)),
      userAgent: isHuman ? 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36' : 'curl/8.9',
    },
    change: null,
    reason: isHuman ? `Requested by the customer by telephone, call ${pick(n, 10_000)}` : null,
    corrects: null,
    attributes: [
      { key: 'channel', value: text(isHuman ? 'branch' : 'batch') },
      { key: 'amount', value: number(pick(n, 90_000)) },
    ],
  };
}

/** Each person and machine comes from where it always does. */
const addressOf = (n: number): string => `${20 + pick(n, 150)}.${pick(n * 5, 250)}.${pick(n * 7, 250)}.${n % 250}`;

const text = (value: string) => ({ type: 'string' as const, text: value });
const number = (value: number) => ({ type: 'integer' as const, text: `${value}` });

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

export function peopleText(): string {
  const lines = Array.from({ length: persons }, (_, n) => `u-${n},team-${n % 30},u-${n % 30}`);
  return ['id,team,manager', ...lines].join('\n');
}

export function catalogueText(): string {
  const lines = Array.from(
    { length: services },
    (_, n) => `  service-${n}: { owner: team-${n % 12}, tier: "${n % 3}" }`,
  );
  return ['services:', ...lines, ''].join('\n');
}

export const policyText = `version: 1
mask: { secrets: true, cards: true }
rules:
  - { name: say-why, actions: ['account.*'], require: [reason], otherwise: flag }
  - { name: known, actions: ['**'], except: ['report.*'], identity: asserted, otherwise: refuse }
`;
