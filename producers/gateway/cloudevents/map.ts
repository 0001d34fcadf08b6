/**
 * A CloudEvent (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) as an audit event. Data that is an audit event itself (an
 * object with `action`, and `target` or `targets`) says what happened, and the context what it leaves out; of any other the context is the
 * event, and its data an attribute.
 */
import { AuditError } from '../../sdk/index.ts';
import { at, idAt, identifier, isObject, type Payload, requiredAt, slug, timeAt } from '../payload.ts';

/** Attributes of the context that the specification names, and the two that hold data. */
const CONTEXT = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'datacontenttype',
  'dataschema',
  'data',
  'data_base64',
]);

/** Throws AuditError `invalid-event` for what is none. `id`: a stable id made of texts: source and id name a CloudEvent. */
export function mapCloudEvent(item: unknown, id: (...parts: string[]) => string): Payload {
  const version = requiredAt(item, 'specversion');
  if (!/^1\.\d+$/.test(version)) {
    const problem = { field: 'specversion', found: 'another version', expected: '1.0' };
    throw new AuditError('invalid-event', 'specversion: found another version, expected 1.0', { problems: [problem] });
  }
  const [own, source, type] = [requiredAt(item, 'id'), requiredAt(item, 'source'), requiredAt(item, 'type')];
  const context = {
    id: id('cloudevent', source, own),
    occurredAt: timeAt(item, 'time'),
    request: { id: own, traceParent: idAt(item, 'traceparent') },
  };
  const data = at(item, 'data');
  if (isObject(data) && 'action' in data && ('target' in data || 'targets' in data)) {
    return { ...context, ...data };
  }
  const subject = idAt(item, 'subject');
  return {
    ...context,
    action: actionOf(type),
    target: subject === undefined ? { type: 'source', id: source } : { type: 'subject', id: subject },
    attributes: {
      'cloudevents.source': source,
      'cloudevents.type': type,
      ...extensionsOf(item),
      data: dataOf(item, data),
    },
  };
}

/** `com.example.Account.Closed` as it is, in lower case and without what no action has; one word gets a noun before it. */
function actionOf(type: string): string {
  const parts = type.split('.').flatMap(part => slug(part) ?? []);
  // The verb and the nearest nouns tell most.
  while (parts.length > 2 && parts.join('.').length > 128) parts.shift();
  return parts.length >= 2 ? parts.join('.') : `event.${parts[0] ?? 'receive'}`;
}

function extensionsOf(item: unknown): Payload {
  const known = isObject(item) ? Object.entries(item) : [];
  return Object.fromEntries(
    known.flatMap(([name, value]) => {
      if (CONTEXT.has(name) || name === 'traceparent' || !/^[a-z0-9]{1,64}$/.test(name)) return [];
      const plain = typeof value === 'string' ? identifier(value) : value;
      return ['string', 'number', 'boolean'].includes(typeof plain) ? [[`cloudevents.${name}`, plain]] : [];
    }),
  );
}

function dataOf(item: unknown, data: unknown): unknown {
  return data === undefined ? at(item, 'data_base64') : data;
}
