/** Records with personal data, for tests. */
import type { Actor, AuditRecord, Target, Value } from '../../../schemas/types.ts';

export const text = (value: string | null): Value => ({ type: 'string', text: value });

export function actor(id: string, over: Partial<Actor> = {}): Actor {
  return {
    kind: 'human',
    id,
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    roles: ['admin'],
    session: 's-1',
    onBehalfOf: [],
    credential: null,
    ...over,
  };
}

export function target(id: string, over: Partial<Target> = {}): Target {
  return { type: 'account', id, name: 'Savings', person: false, changes: [], ...over };
}

export function record(over: Partial<AuditRecord> = {}): AuditRecord {
  return {
    id: '019a0000-0000-7000-8000-000000000001',
    occurredAt: 1_767_600_000_000_000,
    action: 'account.close',
    outcome: 'success',
    tenant: null,
    actor: actor('u-1'),
    targets: [target('a-1')],
    origin: null,
    producer: null,
    request: { id: 'r', traceParent: null, clientAddress: '192.0.2.7', userAgent: 'curl/8' },
    change: null,
    reason: 'she asked for it',
    corrects: null,
    attributes: [{ key: 'note', value: text('call 555-0100') }],
    raw: { topic: 'audit.raw', generation: 0, partition: 3, offset: 41 },
    received: { at: 1_767_600_000_000_000, source: 'broker' },
    normalizedAt: 1_767_600_000_000_000,
    attribution: 'asserted',
    attributionReason: '',
    enrichment: [],
    flags: [],
    policy: null,
    refused: null,
    original: null,
    ...over,
  };
}
