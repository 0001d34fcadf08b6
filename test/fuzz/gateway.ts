// Bodies that nobody meant, to every route of the gateway that takes events under a credential: none makes it fail, and what it says that it
// accepted is what it recorded.

import fc from 'fast-check';

export interface FuzzedGateway {
  /** Asks as somebody whose credential holds; answers the status and the body. */
  ask(url: string, payload: string, headers: Record<string, string>): Promise<{ status: number; body: string }>;
  /** What was recorded, in order. */
  recorded(): readonly { readonly id: string }[];
}

export const fuzzedRoutes = [
  '/v1/events',
  '/v1/cloudevents',
  '/v1/webhooks/kubernetes',
  '/v1/webhooks/cloudtrail',
  '/v1/logs',
  '/v1/webhooks/alerts',
  '/v1/webhooks/desk',
];
const types = ['application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json', 'text/plain'];

const event = { action: 'invoice.cancel', target: { type: 'invoice', id: 'i-7' } };
const cloudEvent = { specversion: '1.0', id: 'a', source: '/s', type: 'com.example.account.close', data: event };
const audit = {
  auditID: 'a',
  stage: 'ResponseComplete',
  verb: 'get',
  user: { username: 'u' },
  objectRef: { resource: 'pods' },
};
const trail = {
  eventID: 'e',
  eventName: 'RunInstances',
  eventSource: 'ec2.amazonaws.com',
  userIdentity: { type: 'IAMUser' },
};
const logRecord = {
  eventName: 'invoice.cancel',
  timeUnixNano: '1767614400123456789',
  traceId: '5b8efff798038103d269b633813fc60c',
  spanId: 'eee19b7ec3c1b174',
  attributes: [
    { key: 'audit.target.id', value: { intValue: '1842' } },
    { key: 'user.id', value: { stringValue: 'u-1' } },
    { key: 'of', value: { arrayValue: { values: [{ doubleValue: 'NaN' }, { kvlistValue: { values: [] } }] } } },
  ],
};
const scopeLogs = [{ scope: { name: 's' }, logRecords: [logRecord, { body: { stringValue: 'x' } }] }];
const resourceLogs = [{ resource: { attributes: [{ key: 'service.name', value: { stringValue: 'a' } }] }, scopeLogs }];
const alert = { alert: { id: 7, title: 'Disk' }, user: { id: 'u-1', name: 'Ada' }, environment: 'e', note: 'n' };
const ticket = { ticket: { id: 't', updateId: 'u', organization: 'o' } };
const samples: readonly object[] = [
  event,
  cloudEvent,
  audit,
  trail,
  { kind: 'EventList', items: [audit] },
  { Records: [trail] },
  { resourceLogs },
  alert,
  ticket,
  { resourceLogs: [{ scopeLogs: [{ logRecords: [logRecord, logRecord] }] }] },
];

/** Samples of which fields were replaced by anything, or taken from another. */
const names = fc.constantFrom(...new Set(samples.flatMap(sample => Object.keys(sample))), '__proto__', 'kind', 'items');
const part = fc.oneof(fc.jsonValue(), ...samples.map(sample => fc.constant(sample)), fc.constant(event.target));
/** Requests of OTLP in which something deep within is anything. */
const logs = fc
  .tuple(fc.constantFrom(...Object.keys(logRecord), 'body', 'flags', 'observedTimeUnixNano'), part, fc.boolean())
  .map(([name, value, isAttribute]) => {
    const attributes = [...logRecord.attributes, { key: name, value }];
    const altered = isAttribute ? { ...logRecord, attributes } : { ...logRecord, [name]: value };
    return { resourceLogs: [{ ...resourceLogs[0], scopeLogs: [{ logRecords: [logRecord, altered] }] }] };
  });
const almost = fc
  .tuple(fc.constantFrom(...samples), fc.dictionary(names, part, { maxKeys: 4 }))
  .map(([sample, fields]) => ({ ...sample, ...fields }));
const text = fc.oneof(
  { weight: 1, arbitrary: fc.oneof(fc.string(), fc.json()) },
  {
    weight: 3,
    arbitrary: fc.oneof(part, almost, logs, fc.array(almost, { maxLength: 4 })).map(value => JSON.stringify(value)),
  },
);
const header = fc.constantFrom(
  'ce-id',
  'ce-source',
  'ce-type',
  'ce-specversion',
  'ce-time',
  'ce-subject',
  'idempotency-key',
);
const value = fc.oneof(
  fc.constantFrom('1.0', 'a.b', '%', '%zz', '2026-01-05T12:00:00Z'),
  fc.stringMatching(/^[ -~]{0,30}$/),
);

/** Counts of answers by status. Throws what fast-check says of the first body that is answered as it must not be. */
export async function fuzzGateway(gateway: FuzzedGateway, runs: number, seed: number): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const ask = async (url: string, type: string, body: string, more: Record<string, string>): Promise<void> => {
    const before = gateway.recorded().length;
    const { status, body: answer } = await gateway.ask(url, body, { ...more, 'content-type': type });
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status >= 500) throw new Error(`answered ${status}`);
    if (url === '/v1/logs') return checkLogs(status, body, answer, gateway.recorded().length - before);
    const results: { id?: string; status: string }[] = JSON.parse(answer).results ?? [];
    const accepted = results.filter(result => result.status === 'accepted').map(({ id }) => id);
    const recorded = gateway
      .recorded()
      .slice(before)
      .map(({ id }) => id);
    // What is under a key, or a delivery's id, that was used before is answered as then.
    const isKeyed = more['idempotency-key'] !== undefined || url === '/v1/webhooks/desk';
    const isAnew = !isKeyed || recorded.length > 0;
    if (isAnew && accepted.join() !== recorded.join()) throw new Error(`accepted ${accepted}, recorded ${recorded}`);
  };
  const headers = fc.dictionary(header, value, { maxKeys: 7 });
  const property = fc.asyncProperty(fc.constantFrom(...fuzzedRoutes), fc.constantFrom(...types), text, headers, ask);
  await fc.assert(property, { numRuns: runs, seed });
  return statuses;
}

/** OTLP answers with a number alone. */
function checkLogs(status: number, body: string, answer: string, recorded: number): void {
  const rejected = Number(JSON.parse(answer).partialSuccess?.rejectedLogRecords ?? 0);
  const { resourceLogs: found }: { resourceLogs?: { scopeLogs?: { logRecords?: unknown[] }[] }[] } =
    status === 200 ? JSON.parse(body) : {};
  const records =
    found?.flatMap(({ scopeLogs: scopes }) => scopes?.flatMap(scope => scope.logRecords ?? []) ?? []) ?? [];
  if (records.length - rejected !== recorded) {
    throw new Error(`answered ${status}, ${rejected} of ${records.length} rejected, recorded ${recorded}`);
  }
}
