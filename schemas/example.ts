// Examples for the documentation of the schemas: an event with every field, as evidence, and a refusal. A test encodes both.

import type { AuditRecord } from './types.ts';

const sealed = {
  keyId: '3f0c9a52d4e1b7680c5e2a9f71d3b846',
  nonce: Buffer.from('5e21c09b7d3a44f8168002ed', 'hex'),
  ciphertext: Buffer.from('8a13f7602c95be4107da3952', 'hex'),
};

/** An event with a value in every field, before it is sealed. */
export const acceptedExample: AuditRecord = {
  id: '019b8d0e-5a00-7c3e-9d4f-6b1f0a2c7e11',
  occurredAt: 1_767_607_272_123_456,
  action: 'account.limit.raise',
  outcome: 'success',
  tenant: 'acme',
  actor: {
    kind: 'agent',
    id: 'agent/limits',
    name: 'Limit assistant',
    email: 'limits@example.com',
    roles: ['limit-editor'],
    session: 's-77f2',
    onBehalfOf: [{ kind: 'human', id: 'u-1842', name: 'Ada Lovelace' }],
    credential: {
      method: 'oidc',
      issuer: 'https://login.example.com',
      subject: 'auth0|5f7c8ec7',
      keyId: 'kid-2026-01',
      checkedAt: 1_767_607_271_900_000,
    },
  },
  targets: [
    {
      type: 'account',
      id: 'a-1001',
      name: "Ada's account",
      person: false,
      changes: [
        {
          field: 'limits.daily',
          before: { type: 'integer', text: '500' },
          after: { type: 'integer', text: '2000' },
        },
      ],
    },
  ],
  origin: {
    service: 'accounts',
    version: '4.2.0',
    commit: '9fceb02d0ae598e95dc970b74767f19372d61af8',
    environment: 'production',
    region: 'eu-central-1',
    host: 'accounts-7d4b9c-x2lqp',
  },
  producer: { instance: 'accounts-7d4b9c-x2lqp-1', sequence: 41, last: false, abandoned: [{ first: 17, last: 18 }] },
  request: {
    id: 'req-8c1f',
    traceParent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    clientAddress: '203.0.113.7',
    userAgent: 'Mozilla/5.0',
  },
  change: {
    perimeter: 'configuration',
    reference: 'OPS-4711',
    run: 'https://ci.example.com/runs/88',
    approval: 'review-12',
  },
  reason: 'Asked for by phone, identity checked.',
  corrects: '019b8d0c-1200-7a10-8b2c-3d4e5f6a7b8c',
  attributes: [{ key: 'ticket.priority', value: { type: 'string', text: 'high' } }],
  raw: { topic: 'audit.raw', generation: 0, partition: 3, offset: 90_210 },
  received: { at: 1_767_607_272_140_000, source: 'broker' },
  normalizedAt: 1_767_607_272_151_000,
  attribution: 'asserted',
  attributionReason: 'the producer names the actor and says that it checked a credential',
  enrichment: [
    {
      name: 'geo',
      version: '2026-01-01',
      about: 'request.clientAddress',
      status: 'found',
      note: null,
      values: [{ key: 'country', value: { type: 'string', text: 'SE' } }],
    },
    {
      name: 'people',
      version: '2026-01-04',
      about: 'actor.id',
      status: 'missing',
      note: 'not in the list',
      values: [],
    },
  ],
  flags: [{ code: 'clock-skew', field: 'occurredAt', note: 'more than an hour from when the raw topic received it' }],
  policy: { digest: '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae', rules: ['limits-say-why'] },
  refused: null,
  original: null,
};

/** A refusal, with the raw record's bytes encrypted. */
export const refusedExample: AuditRecord = {
  ...acceptedExample,
  id: '6f8c2d1e-93b4-8a57-b0c6-41d27e90f3a5',
  occurredAt: 1_767_607_300_500_000,
  action: 'audit.refuse',
  outcome: 'denied',
  tenant: null,
  actor: null,
  targets: [{ type: 'record', id: 'audit.raw/0/3/90211', name: null, person: false, changes: [] }],
  origin: null,
  request: null,
  change: null,
  reason: null,
  corrects: null,
  attributes: [],
  raw: { topic: 'audit.raw', generation: 0, partition: 3, offset: 90_211 },
  received: { at: 1_767_607_300_500_000, source: 'broker' },
  normalizedAt: 1_767_607_300_511_000,
  attribution: 'anonymous',
  attributionReason: 'the record was refused',
  enrichment: [],
  flags: [],
  refused: {
    code: 'policy-fields',
    message: 'rule limits-say-why demands the field reason, found nothing',
    problems: [{ field: 'reason', found: 'nothing', expected: 'a value: rule limits-say-why' }],
  },
  original: {
    cause: 'refused',
    sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    key: null,
    value: null,
    headers: [],
    sealed,
  },
};

/** What the two have no value for: a raw record in clear, where encryption is off. */
export const clearOriginalExample: NonNullable<AuditRecord['original']> = {
  cause: 'unknown',
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  key: Buffer.from('612d31', 'hex'),
  value: Buffer.from('000000000748', 'hex'),
  headers: [{ key: 'tidemark-sequence', value: Buffer.from('3432', 'hex') }],
  sealed,
};
