// Groups of records as the SDK signs them, and services that are registered for the tests.

import {
  compileServices,
  type RegisteredService,
  type Services,
} from '../../../consumers/normalizer/sources/services.ts';
import { generatePem } from '../../../core/edge/crypto.ts';
import type { FetchedRecord } from '../../../core/edge/kafka/index.ts';
import type { DatedKey } from '../../../core/proof/keys.ts';
import { recordsOf, type Source, sourceFromPem } from '../../../producers/sdk/source-proof.ts';
import { type AuditEvent, auditEventType } from '../../../schemas/index.ts';
import { makeEvent, place, rawRecord, withPrefix } from './records.ts';

export const billing = sourceFromPem('billing', generatePem());
export const gateway = sourceFromPem('gateway', generatePem());
export const stranger = sourceFromPem('stranger', generatePem());
/** Another key under the same name. */
export const impostor = sourceFromPem('billing', generatePem());

export const dated = (
  { signer: { key } }: Source,
  first: number | null = null,
  last: number | null = null,
): DatedKey => ({
  key,
  first,
  last,
});

export function register(name: string, more: Partial<RegisteredService> = {}): RegisteredService {
  const nothing = { owner: 'team', keys: [], actions: ['*'], onBehalfOf: [], alwaysSigns: false };
  return { ...nothing, name, ...more };
}

export const servicesOf = (...all: RegisteredService[]): Services => compileServices(all);

export const origin = (service: string): AuditEvent['origin'] => ({
  service,
  version: null,
  commit: null,
  environment: null,
  region: null,
  host: null,
});

export const producer = (sequence: number, instance = 'i-1') => ({ instance, sequence, last: false, abandoned: [] });

/** An event of billing's with that number. */
export const eventOf = (sequence: number, more: Partial<AuditEvent> = {}): AuditEvent =>
  makeEvent({ origin: origin('billing'), producer: producer(sequence), ...more });

/** Events as one request of a service's, signed by `source` or not, from an offset on. */
export function groupOf(
  events: readonly AuditEvent[],
  source: Source | undefined,
  { first = 100, to = place, timestamp = 1_767_600_001_234 } = {},
): FetchedRecord[] {
  const messages = events.map(event => ({
    key: 'k',
    datum: Buffer.from(auditEventType().encode(event)),
    headers: {
      'tidemark-instance': event.producer?.instance ?? '',
      'tidemark-sequence': `${event.producer?.sequence ?? ''}`,
    },
  }));
  const prefix = withPrefix(Buffer.alloc(0));
  return recordsOf(messages, () => prefix, { topic: to.topic, partition: to.partition }, source).map(
    ({ value, headers }, index) =>
      rawRecord(value, {
        offset: BigInt(first + index),
        timestamp,
        headers: Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]),
      }),
  );
}
