// The events that benches are run over, by shape, as raw records; and the files by which the normalizer decides on them and enriches them.

import type { FetchedRecord } from '../../core/edge/kafka/index.ts';
import { type AuditEvent, auditEventType } from '../../schemas/index.ts';
import { accountEvent, accountPersons, accountServices } from './account-events.ts';
import { eventId, firstMs, text } from './chance.ts';
import { orderEvent, orderPersons, orderServices } from './order-events.ts';

export interface Shape {
  readonly name: string;
  readonly about: string;
  eventOf(n: number): AuditEvent;
}

/** The main shape first. */
export const shapes: readonly [Shape, Shape] = [
  { name: 'order', about: 'a refund of the orders example, 7 personal fields', eventOf: orderEvent },
  { name: 'account', about: "a bank's changes of accounts, 13 personal fields in most", eventOf: accountEvent },
];

/** A raw record's value: the event behind the registry's prefix. */
export function rawValue(schemaId: number, event: AuditEvent): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(schemaId, 1);
  return Buffer.concat([prefix, auditEventType().encode(event)]);
}

export function rawKey({ targets: [target] }: AuditEvent): string {
  return `${target?.type}/${target?.id}`;
}

/** Records as a fetch brings them. */
export function benchRecords({ eventOf }: Shape, count: number): FetchedRecord[] {
  return Array.from({ length: count }, (_, n): FetchedRecord => {
    const event = eventOf(n);
    return {
      offset: BigInt(n),
      timestamp: firstMs + n,
      logAppendTime: true,
      key: Buffer.from(rawKey(event)),
      value: rawValue(1, event),
      headers: [],
    };
  });
}

const services = [
  ...Array.from({ length: orderServices }, (_, n) => `orders-${n}`),
  ...Array.from({ length: accountServices }, (_, n) => `service-${n}`),
];

/** A deployment of each service: the change that is live when its events happen. */
export function deployments(): AuditEvent[] {
  return services.map((service, n) => ({
    ...orderEvent(n),
    id: eventId(1_000_000_000 + n),
    action: 'deployment.finish',
    actor: null,
    request: null,
    producer: null,
    targets: [{ type: 'service', id: service, name: null, person: false, changes: [] }],
    change: { perimeter: 'deployment', reference: `CHG-${n}`, run: `run-${n}`, approval: null },
    attributes: [{ key: 'version', value: text('4.2.0') }],
  }));
}

export function peopleText(): string {
  const persons = Math.max(orderPersons, accountPersons);
  const lines = Array.from({ length: persons }, (_, n) => `u-${n},team-${n % 30},u-${n % 30}`);
  return ['id,team,manager', ...lines].join('\n');
}

export function catalogueText(): string {
  const lines = services.map((name, n) => `  ${name}: { owner: team-${n % 12}, tier: "${n % 3}" }`);
  return ['services:', ...lines, ''].join('\n');
}

export const policyText = `version: 1
mask: { secrets: true, cards: true }
rules:
  - { name: say-why, actions: ['account.*'], require: [reason], otherwise: flag }
  - { name: known, actions: ['**'], except: ['report.*'], identity: asserted, otherwise: refuse }
`;

/** A policy that demands and masks nothing: a normalizer is never without one. */
export const noPolicyText = 'version: 1\nmask: { secrets: false, cards: false }\n';
