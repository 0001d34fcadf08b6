// Accepted records as the enrichers get them: one that is whole, changed by a test where it matters.

import type { AuditRecord, Target } from '../../../schemas/index.ts';

/** 2026-01-05T10:00:00Z, in microseconds. */
export const ten = Date.UTC(2026, 0, 5, 10) * 1000;
export const minute = 60_000_000;

export function record(changes: Partial<AuditRecord> = {}): AuditRecord {
  const occurredAt = changes.occurredAt ?? ten;
  return {
    id: '0194a1b2-0000-7000-8000-000000000001',
    occurredAt,
    action: 'account.close',
    outcome: 'success',
    tenant: null,
    actor: null,
    targets: [target('account', 'a-1')],
    origin: null,
    producer: null,
    request: null,
    change: null,
    reason: null,
    corrects: null,
    attributes: [],
    raw: { topic: 'audit.raw', generation: 0, partition: 0, offset: 0 },
    received: { at: occurredAt, source: 'broker' },
    normalizedAt: occurredAt,
    attribution: 'anonymous',
    attributionReason: '',
    enrichment: [],
    flags: [],
    policy: null,
    refused: null,
    original: null,
    ...changes,
  };
}

export function target(type: string, id: string, more: Partial<Target> = {}): Target {
  return { type, id, name: null, person: false, changes: [], ...more };
}

export function from(service: string, environment: string | null = 'production', more = {}): Partial<AuditRecord> {
  return { origin: { service, version: null, commit: null, environment, region: null, host: null, ...more } };
}

export function by(id: string): Partial<AuditRecord> {
  const actor = {
    kind: 'human' as const,
    id,
    name: null,
    email: null,
    roles: [],
    session: null,
    onBehalfOf: [],
    credential: null,
  };
  return { actor };
}

export function through(clientAddress: string): Partial<AuditRecord> {
  return { request: { id: null, traceParent: null, clientAddress, userAgent: null } };
}

/** What an entry says, as plain texts. */
export function valuesOf(entry: AuditRecord['enrichment'][number] | undefined): Record<string, unknown> {
  return Object.fromEntries((entry?.values ?? []).map(({ key, value }) => [key, value.text]));
}
