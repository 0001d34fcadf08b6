/**
 * A log record of OpenTelemetry that has an event's name (https://opentelemetry.io/docs/specs/otel/logs/data-model/) as an audit event. What the
 * semantic conventions name goes into the fields of the event; `audit.` attributes say what they have no name for. Of the resource
 * only what tells the origin is taken: it may hold command lines.
 */
import { isAction } from '../../../core/event/index.ts';
import { actionOf, at, invalid, type Payload, pseudonym } from '../payload.ts';
import type { LogItem } from './read.ts';
import { type Attributes, readAny, readAttributes, readInteger } from './value.ts';

/** Attributes that become fields. */
const FIELDS = new Set([
  'event.name',
  'audit.target.type',
  'audit.target.id',
  'audit.target.name',
  'audit.actor.kind',
  'audit.actor.id',
  'audit.actor.name',
  'audit.outcome',
  'audit.tenant',
  'audit.reason',
  'client.address',
  'user_agent.original',
]);

/** Throws AuditError `invalid-event` for what is none. `id`: a stable id made of texts; an event without `log.record.uid` has none. */
export function mapLogRecord({ resource, scope, record }: LogItem, id: (...parts: string[]) => string): Payload {
  const attributes = readAttributes(at(record, 'attributes'), 'attributes');
  const text = (...names: string[]) => firstText(attributes, names);
  const name = textOf(at(record, 'eventName')) ?? text('event.name');
  if (name === undefined)
    throw invalid('eventName', 'nothing', 'the name of an event: other records are no audit events');
  const action = isAction(name) ? name : actionOf(name);
  const service = firstText(resource, ['service.name']);
  const uid = text('log.record.uid');
  return {
    ...(uid !== undefined && { id: id('otlp', service ?? '', uid) }),
    action,
    outcome: text('audit.outcome') ?? (attributes.has('error.type') ? 'failure' : 'success'),
    occurredAt: timeOf(record),
    tenant: text('audit.tenant'),
    actor: actorFrom(attributes),
    target: targetOf(attributes, service),
    origin: service === undefined ? undefined : originOf(resource, service),
    request: {
      traceParent: traceParentOf(record),
      clientAddress: text('client.address'),
      userAgent: text('user_agent.original'),
    },
    reason: text('audit.reason'),
    attributes: {
      ...Object.fromEntries([...attributes].filter(([key]) => !FIELDS.has(key) && !/^(end)?user\./.test(key))),
      ...(name !== action && { 'otel.event-name': name }),
      'otel.scope': scope,
      'otel.body': readAny(at(record, 'body'), 'body'),
    },
  };
}

/** When it happened, else when it was seen, in microseconds since 1970; undefined where the record has neither. */
function timeOf(record: unknown): bigint | undefined {
  for (const name of ['timeUnixNano', 'observedTimeUnixNano']) {
    const value = at(record, name);
    const nanos = value === undefined || value === null ? 0n : readInteger(value, name);
    if (nanos !== 0n) return nanos / 1000n;
  }
  return undefined;
}

/** The service itself, where the record names nothing that it was done to. */
function targetOf(attributes: Attributes, service: string | undefined): Payload {
  const [type, id, name] = ['type', 'id', 'name'].map(part => firstText(attributes, [`audit.target.${part}`]));
  if (type !== undefined || id !== undefined) return { type, id, name };
  if (service !== undefined) return { type: 'service', id: service };
  throw invalid('audit.target.id', 'nothing', 'the thing that it was done to, or a resource with service.name');
}

/** Whom the record names: a person, where it does not say. What looks like a mail address is no id; a digest stands for it. */
function actorFrom(attributes: Attributes): Payload | undefined {
  const said = firstText(attributes, ['audit.actor.id', 'user.id', 'enduser.pseudo.id', 'enduser.id']);
  if (said === undefined) return undefined;
  const isAddress = said.includes('@');
  const name =
    firstText(attributes, ['audit.actor.name', 'user.full_name', 'user.name']) ?? (isAddress ? said : undefined);
  return {
    kind: firstText(attributes, ['audit.actor.kind']) ?? 'human',
    id: isAddress ? pseudonym('user', said) : said,
    ...(name !== undefined && { name }),
  };
}

function originOf(resource: Attributes, service: string): Payload {
  return {
    service,
    version: firstText(resource, ['service.version']),
    commit: firstText(resource, ['vcs.ref.head.revision']),
    environment: firstText(resource, ['deployment.environment.name', 'deployment.environment']),
    region: firstText(resource, ['cloud.region']),
    host: firstText(resource, ['host.name', 'k8s.pod.name']),
  };
}

/** W3C trace context, version 00; undefined outside a span. */
function traceParentOf(record: unknown): string | undefined {
  const [trace, span] = [hexAt(record, 'traceId', 32), hexAt(record, 'spanId', 16)];
  if (trace === undefined || span === undefined) return undefined;
  const flags = at(record, 'flags');
  // The lowest of its 32 bits: sampled.
  const isSampled = typeof flags === 'number' && Number.isSafeInteger(flags) && flags % 2 === 1;
  return `00-${trace}-${span}-${isSampled ? '01' : '00'}`;
}

function hexAt(record: unknown, name: string, length: number): string | undefined {
  const text = textOf(at(record, name))?.toLowerCase() ?? '';
  return text.length === length && /^[0-9a-f]+$/.test(text) && !/^0+$/.test(text) ? text : undefined;
}

function firstText(attributes: Attributes, names: readonly string[]): string | undefined {
  for (const name of names) {
    const text = textOf(attributes.get(name));
    if (text !== undefined) return text;
  }
  return undefined;
}

/** Texts, numbers and truths as they are written; an empty text is none. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return ['number', 'bigint', 'boolean'].includes(typeof value) ? String(value) : undefined;
}
