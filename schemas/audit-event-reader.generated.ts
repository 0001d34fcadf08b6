// Generated from the .avsc files by `node schemas/generate.ts` (generate-codec.ts): do not edit.
import type { Actor, Attribute, AuditEvent, Change, Credential, Delegator, FieldChange, Origin, Producer, Request, Sealed, SequenceRange, Target, Value } from './audit-event.generated.ts';
import type { DatumReader } from './datum-reader.ts';

const symbolsOfOutcome = ['success', 'denied', 'failure'] as const;
const symbolsOfActorKind = ['human', 'machine', 'agent'] as const;
const symbolsOfValueType = ['string', 'boolean', 'integer', 'number', 'json'] as const;

export function readAuditEvent(r: DatumReader): AuditEvent {
  r.field();
  const id = r.text();
  r.field();
  const occurredAt = r.long();
  r.field();
  const action = r.text();
  r.field();
  const outcome = r.symbol(symbolsOfOutcome);
  r.field();
  const tenant = r.branch(2) === 0 ? null : r.text();
  r.field();
  const actor = r.branch(2) === 0 ? null : readActor(r);
  r.field();
  const targets = readAuditEventTargets(r);
  r.field();
  const origin = r.branch(2) === 0 ? null : readOrigin(r);
  r.field();
  const producer = r.branch(2) === 0 ? null : readProducer(r);
  r.field();
  const request = r.branch(2) === 0 ? null : readRequest(r);
  r.field();
  const change = r.branch(2) === 0 ? null : readChange(r);
  r.field();
  const reason = r.personalText(readSealed);
  r.field();
  const corrects = r.branch(2) === 0 ? null : r.text();
  r.field();
  const attributes = readAuditEventAttributes(r);
  return { id, occurredAt, action, outcome, tenant, actor, targets, origin, producer, request, change, reason, corrects, attributes };
}

function readActor(r: DatumReader): Actor {
  return {
    kind: r.symbol(symbolsOfActorKind),
    id: r.text(),
    name: r.personalText(readSealed),
    email: r.personalText(readSealed),
    roles: readActorRoles(r),
    session: r.personalText(readSealed),
    onBehalfOf: readActorOnBehalfOf(r),
    credential: r.branch(2) === 0 ? null : readCredential(r),
  };
}

function readSealed(r: DatumReader): Sealed {
  return {
    keyId: r.text(),
    nonce: r.bytes(),
    ciphertext: r.bytes(),
  };
}

function readActorRoles(r: DatumReader): string[] {
  const items: string[] = [];
  for (let left = r.firstItems(); left > 0; left = r.nextItems()) {
    for (; left > 0; left--) items.push(r.text());
  }
  return items;
}

function readDelegator(r: DatumReader): Delegator {
  return {
    kind: r.symbol(symbolsOfActorKind),
    id: r.text(),
    name: r.personalText(readSealed),
  };
}

function readActorOnBehalfOf(r: DatumReader): Delegator[] {
  const items: Delegator[] = [];
  for (let left = r.firstItems(); left > 0; left = r.nextItems()) {
    for (; left > 0; left--) items.push(readDelegator(r));
  }
  return items;
}

function readCredential(r: DatumReader): Credential {
  return {
    method: r.text(),
    issuer: r.branch(2) === 0 ? null : r.text(),
    subject: r.personalText(readSealed),
    keyId: r.branch(2) === 0 ? null : r.text(),
    checkedAt: r.branch(2) === 0 ? null : r.long(),
  };
}

function readTarget(r: DatumReader): Target {
  return {
    type: r.text(),
    id: r.text(),
    name: r.personalText(readSealed),
    person: r.boolean(),
    changes: readTargetChanges(r),
  };
}

function readFieldChange(r: DatumReader): FieldChange {
  return {
    field: r.text(),
    before: r.branch(2) === 0 ? null : readValue(r),
    after: r.branch(2) === 0 ? null : readValue(r),
  };
}

function readValue(r: DatumReader): Value {
  return {
    type: r.symbol(symbolsOfValueType),
    text: r.personalText(readSealed),
  };
}

function readTargetChanges(r: DatumReader): FieldChange[] {
  const items: FieldChange[] = [];
  for (let left = r.firstItems(); left > 0; left = r.nextItems()) {
    for (; left > 0; left--) items.push(readFieldChange(r));
  }
  return items;
}

function readAuditEventTargets(r: DatumReader): Target[] {
  const items: Target[] = [];
  for (let left = r.firstItems(); left > 0; left = r.nextItems()) {
    for (; left > 0; left--) items.push(readTarget(r));
  }
  return items;
}

function readOrigin(r: DatumReader): Origin {
  return {
    service: r.text(),
    version: r.branch(2) === 0 ? null : r.text(),
    commit: r.branch(2) === 0 ? null : r.text(),
    environment: r.branch(2) === 0 ? null : r.text(),
    region: r.branch(2) === 0 ? null : r.text(),
    host: r.branch(2) === 0 ? null : r.text(),
  };
}

function readProducer(r: DatumReader): Producer {
  return {
    instance: r.text(),
    sequence: r.long(),
    last: r.boolean(),
    abandoned: readProducerAbandoned(r),
  };
}

function readSequenceRange(r: DatumReader): SequenceRange {
  return {
    first: r.long(),
    last: r.long(),
  };
}

function readProducerAbandoned(r: DatumReader): SequenceRange[] {
  const items: SequenceRange[] = [];
  for (let left = r.firstItems(); left > 0; left = r.nextItems()) {
    for (; left > 0; left--) items.push(readSequenceRange(r));
  }
  return items;
}

function readRequest(r: DatumReader): Request {
  return {
    id: r.branch(2) === 0 ? null : r.text(),
    traceParent: r.branch(2) === 0 ? null : r.text(),
    clientAddress: r.personalText(readSealed),
    userAgent: r.personalText(readSealed),
  };
}

function readChange(r: DatumReader): Change {
  return {
    perimeter: r.text(),
    reference: r.branch(2) === 0 ? null : r.text(),
    run: r.branch(2) === 0 ? null : r.text(),
    approval: r.branch(2) === 0 ? null : r.text(),
  };
}

function readAttribute(r: DatumReader): Attribute {
  return {
    key: r.text(),
    value: readValue(r),
  };
}

function readAuditEventAttributes(r: DatumReader): Attribute[] {
  const items: Attribute[] = [];
  for (let left = r.firstItems(); left > 0; left = r.nextItems()) {
    for (; left > 0; left--) items.push(readAttribute(r));
  }
  return items;
}
