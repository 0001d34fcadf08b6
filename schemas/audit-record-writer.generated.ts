// Generated from the .avsc files by `node schemas/generate.ts` (generate-codec.ts): do not edit.
import type { Actor, Attribute, AuditEvent, AuditRecord, Change, Credential, Delegator, Enrichment, FieldChange, Flag, Header, Origin, Original, Policy, Problem, Producer, RawPosition, Received, Refusal, Request, Sealed, SequenceRange, Target, Value } from './types.ts';
import type { DatumWriter } from './datum-writer.ts';

const symbolsOfOutcome = ['success', 'denied', 'failure'] as const;
const symbolsOfActorKind = ['human', 'machine', 'agent'] as const;
const symbolsOfValueType = ['string', 'boolean', 'integer', 'number', 'json'] as const;
const symbolsOfTimeSource = ['broker', 'producer'] as const;
const symbolsOfAttribution = ['verified', 'asserted', 'anonymous'] as const;
const symbolsOfEnrichmentStatus = ['found', 'missing', 'failed'] as const;
const symbolsOfOriginalCause = ['refused', 'unknown'] as const;

export function writeAuditEvent(w: DatumWriter, value: AuditEvent): void {
  w.text(value.id);
  w.long(value.occurredAt);
  w.text(value.action);
  w.symbol(symbolsOfOutcome, value.outcome);
  if (value.tenant === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.tenant);
  }
  if (value.actor === null) w.branch(0);
  else {
    w.branch(1);
    writeActor(w, value.actor);
  }
  writeAuditEventTargets(w, value.targets);
  if (value.origin === null) w.branch(0);
  else {
    w.branch(1);
    writeOrigin(w, value.origin);
  }
  if (value.producer === null) w.branch(0);
  else {
    w.branch(1);
    writeProducer(w, value.producer);
  }
  if (value.request === null) w.branch(0);
  else {
    w.branch(1);
    writeRequest(w, value.request);
  }
  if (value.change === null) w.branch(0);
  else {
    w.branch(1);
    writeChange(w, value.change);
  }
  w.personalText(value.reason, writeSealed);
  if (value.corrects === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.corrects);
  }
  writeAuditEventAttributes(w, value.attributes);
}

function writeActor(w: DatumWriter, value: Actor): void {
  w.symbol(symbolsOfActorKind, value.kind);
  w.text(value.id);
  w.personalText(value.name, writeSealed);
  w.personalText(value.email, writeSealed);
  writeActorRoles(w, value.roles);
  w.personalText(value.session, writeSealed);
  writeActorOnBehalfOf(w, value.onBehalfOf);
  if (value.credential === null) w.branch(0);
  else {
    w.branch(1);
    writeCredential(w, value.credential);
  }
}

function writeSealed(w: DatumWriter, value: Sealed): void {
  w.text(value.keyId);
  w.bytes(value.nonce);
  w.bytes(value.ciphertext);
}

function writeActorRoles(w: DatumWriter, items: readonly string[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) w.text(item);
  }
  w.long(0);
}

function writeDelegator(w: DatumWriter, value: Delegator): void {
  w.symbol(symbolsOfActorKind, value.kind);
  w.text(value.id);
  w.personalText(value.name, writeSealed);
}

function writeActorOnBehalfOf(w: DatumWriter, items: readonly Delegator[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) writeDelegator(w, item);
  }
  w.long(0);
}

function writeCredential(w: DatumWriter, value: Credential): void {
  w.text(value.method);
  if (value.issuer === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.issuer);
  }
  w.personalText(value.subject, writeSealed);
  if (value.keyId === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.keyId);
  }
  if (value.checkedAt === null) w.branch(0);
  else {
    w.branch(1);
    w.long(value.checkedAt);
  }
}

function writeTarget(w: DatumWriter, value: Target): void {
  w.text(value.type);
  w.text(value.id);
  w.personalText(value.name, writeSealed);
  w.boolean(value.person);
  writeTargetChanges(w, value.changes);
}

function writeFieldChange(w: DatumWriter, value: FieldChange): void {
  w.text(value.field);
  if (value.before === null) w.branch(0);
  else {
    w.branch(1);
    writeValue(w, value.before);
  }
  if (value.after === null) w.branch(0);
  else {
    w.branch(1);
    writeValue(w, value.after);
  }
}

function writeValue(w: DatumWriter, value: Value): void {
  w.symbol(symbolsOfValueType, value.type);
  w.personalText(value.text, writeSealed);
}

function writeTargetChanges(w: DatumWriter, items: readonly FieldChange[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) writeFieldChange(w, item);
  }
  w.long(0);
}

function writeAuditEventTargets(w: DatumWriter, items: readonly Target[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) writeTarget(w, item);
  }
  w.long(0);
}

function writeOrigin(w: DatumWriter, value: Origin): void {
  w.text(value.service);
  if (value.version === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.version);
  }
  if (value.commit === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.commit);
  }
  if (value.environment === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.environment);
  }
  if (value.region === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.region);
  }
  if (value.host === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.host);
  }
}

function writeProducer(w: DatumWriter, value: Producer): void {
  w.text(value.instance);
  w.long(value.sequence);
  w.boolean(value.last);
  writeProducerAbandoned(w, value.abandoned);
}

function writeSequenceRange(w: DatumWriter, value: SequenceRange): void {
  w.long(value.first);
  w.long(value.last);
}

function writeProducerAbandoned(w: DatumWriter, items: readonly SequenceRange[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) writeSequenceRange(w, item);
  }
  w.long(0);
}

function writeRequest(w: DatumWriter, value: Request): void {
  if (value.id === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.id);
  }
  if (value.traceParent === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.traceParent);
  }
  w.personalText(value.clientAddress, writeSealed);
  w.personalText(value.userAgent, writeSealed);
}

function writeChange(w: DatumWriter, value: Change): void {
  w.text(value.perimeter);
  if (value.reference === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.reference);
  }
  if (value.run === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.run);
  }
  if (value.approval === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.approval);
  }
}

function writeAttribute(w: DatumWriter, value: Attribute): void {
  w.text(value.key);
  writeValue(w, value.value);
}

function writeAuditEventAttributes(w: DatumWriter, items: readonly Attribute[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) writeAttribute(w, item);
  }
  w.long(0);
}

export function writeAddedFields(w: DatumWriter, value: AuditRecord): void {
  writeRawPosition(w, value.raw);
  writeReceived(w, value.received);
  w.long(value.normalizedAt);
  w.symbol(symbolsOfAttribution, value.attribution);
  w.text(value.attributionReason);
  writeAuditRecordEnrichment(w, value.enrichment);
  writeAuditRecordFlags(w, value.flags);
  if (value.policy === null) w.branch(0);
  else {
    w.branch(1);
    writePolicy(w, value.policy);
  }
  if (value.refused === null) w.branch(0);
  else {
    w.branch(1);
    writeRefusal(w, value.refused);
  }
  if (value.original === null) w.branch(0);
  else {
    w.branch(1);
    writeOriginal(w, value.original);
  }
}

function writeRawPosition(w: DatumWriter, value: RawPosition): void {
  w.text(value.topic);
  w.int(value.generation);
  w.int(value.partition);
  w.long(value.offset);
}

function writeReceived(w: DatumWriter, value: Received): void {
  w.long(value.at);
  w.symbol(symbolsOfTimeSource, value.source);
}

export function writeEnrichment(w: DatumWriter, value: Enrichment): void {
  w.text(value.name);
  w.text(value.version);
  if (value.about === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.about);
  }
  w.symbol(symbolsOfEnrichmentStatus, value.status);
  if (value.note === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.note);
  }
  writeEnrichmentValues(w, value.values);
}

function writeEnrichmentValues(w: DatumWriter, items: readonly Attribute[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) writeAttribute(w, item);
  }
  w.long(0);
}

function writeAuditRecordEnrichment(w: DatumWriter, items: readonly Enrichment[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) w.sharedPart(item, writeEnrichment);
  }
  w.long(0);
}

function writeFlag(w: DatumWriter, value: Flag): void {
  w.text(value.code);
  if (value.field === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.field);
  }
  if (value.note === null) w.branch(0);
  else {
    w.branch(1);
    w.text(value.note);
  }
}

function writeAuditRecordFlags(w: DatumWriter, items: readonly Flag[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) writeFlag(w, item);
  }
  w.long(0);
}

function writePolicy(w: DatumWriter, value: Policy): void {
  w.text(value.digest);
  writePolicyRules(w, value.rules);
}

function writePolicyRules(w: DatumWriter, items: readonly string[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) w.text(item);
  }
  w.long(0);
}

function writeRefusal(w: DatumWriter, value: Refusal): void {
  w.text(value.code);
  w.text(value.message);
  writeRefusalProblems(w, value.problems);
}

function writeProblem(w: DatumWriter, value: Problem): void {
  w.text(value.field);
  w.text(value.found);
  w.text(value.expected);
}

function writeRefusalProblems(w: DatumWriter, items: readonly Problem[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) writeProblem(w, item);
  }
  w.long(0);
}

function writeOriginal(w: DatumWriter, value: Original): void {
  w.symbol(symbolsOfOriginalCause, value.cause);
  w.text(value.sha256);
  if (value.key === null) w.branch(0);
  else {
    w.branch(1);
    w.bytes(value.key);
  }
  if (value.value === null) w.branch(0);
  else {
    w.branch(1);
    w.bytes(value.value);
  }
  writeOriginalHeaders(w, value.headers);
  if (value.sealed === null) w.branch(0);
  else {
    w.branch(1);
    writeSealed(w, value.sealed);
  }
}

function writeHeader(w: DatumWriter, value: Header): void {
  w.text(value.key);
  if (value.value === null) w.branch(0);
  else {
    w.branch(1);
    w.bytes(value.value);
  }
}

function writeOriginalHeaders(w: DatumWriter, items: readonly Header[]): void {
  if (items.length > 0) {
    w.long(items.length);
    for (const item of items) writeHeader(w, item);
  }
  w.long(0);
}
