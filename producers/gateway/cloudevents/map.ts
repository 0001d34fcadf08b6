/**
 * A CloudEvent (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) as an audit event. Data that is an audit event itself (an
 * object with `action`, and `target` or `targets`) says what happened, and the context what it leaves out; of any other the context is the
 * event, and its data an attribute.
 */
import { actionOf, at, idAt, identifier, invalid, isObject, type Payload, requiredAt, timeAt } from '../payload.ts';

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
  if (!/^1\.\d+$/.test(version)) throw invalid('specversion', 'another version', '1.0');
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
