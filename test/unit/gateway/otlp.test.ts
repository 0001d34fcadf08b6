// OpenTelemetry's logs by OTLP/HTTP in JSON: which records are events, what becomes of their attributes, and the protocol's own answers.

import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { stableId } from '../../../producers/gateway/http/record.ts';
import { mapLogRecord } from '../../../producers/gateway/otlp/map.ts';
import { readLogItems } from '../../../producers/gateway/otlp/read.ts';
import { parseExact } from '../../../producers/gateway/payload.ts';
import { IdentityError } from '../../../producers/identity/index.ts';
import { world } from './world.ts';

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const logs = (records: unknown[], resource: object[] = [text('service.name', 'billing')]) => ({
  resourceLogs: [
    { resource: { attributes: resource }, scopeLogs: [{ scope: { name: 'audit' }, logRecords: records }] },
  ],
});
const record = {
  timeUnixNano: '1767614400123456789',
  observedTimeUnixNano: '1767614400200000000',
  severityNumber: 9,
  eventName: 'invoice.cancel',
  body: { stringValue: 'cancelled' },
  traceId: '5B8EFFF798038103D269B633813FC60C',
  spanId: 'EEE19B7EC3C1B174',
  flags: 1,
  attributes: [
    text('audit.target.type', 'invoice'),
    { key: 'audit.target.id', value: { intValue: '1842' } },
    text('audit.outcome', 'denied'),
    text('audit.tenant', 'acme'),
    text('audit.reason', 'asked for by the customer'),
    text('user.id', 'u-77'),
    text('user.name', 'Ada'),
    text('user.email', 'ada@example.org'),
    text('client.address', '203.0.113.7'),
    text('user_agent.original', 'curl/8'),
    { key: 'count', value: { intValue: '9223372036854775807' } },
    { key: 'ratio', value: { doubleValue: 0.5 } },
    { key: 'none', value: {} },
    { key: 'of', value: { arrayValue: { values: [{ boolValue: true }, { intValue: 3 }] } } },
    {
      key: 'map',
      value: { kvlistValue: { values: [text('a', 'b'), { key: 'big', value: { intValue: '-9223372036854775808' } }] } },
    },
    { key: 'bytes', value: { bytesValue: 'AAE=' } },
  ],
  droppedAttributesCount: 0,
};
const resource = [
  text('service.name', 'billing'),
  text('service.version', '1.4.0'),
  text('deployment.environment.name', 'production'),
  text('cloud.region', 'eu-central-1'),
  text('host.name', 'node-7'),
  text('process.command_line', '--password hunter2'),
];

test('a record with the name of an event is recorded under who sends it, with all that the conventions name', async () => {
  const { audit, postTo } = await world();
  const answer = await postTo('/v1/logs', logs([record], resource));
  // To the letter: what a collector reads of a response depends on it.
  expect(answer).toMatchObject({ statusCode: 200, payload: '{}', headers: { 'content-type': 'application/json' } });
  const [event] = audit.events;
  expect(event).toMatchObject({
    action: 'invoice.cancel',
    outcome: 'denied',
    occurredAt: new Date('2026-01-05T12:00:00.123Z'),
    tenant: 'acme',
    actor: {
      kind: 'machine',
      id: 'service/billing',
      credential: { method: 'api-key' },
      onBehalfOf: [{ kind: 'human', id: 'u-77', name: 'Ada' }],
    },
    target: { type: 'invoice', id: '1842' },
    origin: { service: 'billing', version: '1.4.0', environment: 'production', region: 'eu-central-1', host: 'node-7' },
    request: {
      traceParent: '00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01',
      clientAddress: '203.0.113.7',
      userAgent: 'curl/8',
    },
    reason: 'asked for by the customer',
  });
  expect(event?.attributes).toEqual({
    count: 9223372036854775807n,
    ratio: 0.5,
    of: [true, 3],
    map: { a: 'b', big: '-9223372036854775808' },
    bytes: 'AAE=',
    'api-key.owner': 'u-7',
    'gateway.asserted-actor': 'u-77',
    'otel.scope': 'audit',
    'otel.body': 'cancelled',
  });
});

test('times are exact to the microsecond, as texts and as numbers that JSON has no room for', () => {
  const [nanos, seen] = ['1767614400123456789', '1767614400200000999'];
  const times = [`"${nanos}"`, nanos, '1.767e18', 'null', '"0"'];
  const records = times.map(time => `{ "eventName": "a.b", "timeUnixNano": ${time}, "observedTimeUnixNano": ${seen} }`);
  const items = readLogItems(parseExact(JSON.stringify(logs([])).replace('[]', `[${records}]`)));
  const observed = 1_767_614_400_200_000n;
  expect(items.map(item => mapLogRecord(item, stableId).occurredAt)).toEqual([
    1_767_614_400_123_456n,
    1_767_614_400_123_456n,
    1_767_000_000_000_000n,
    observed,
    observed,
  ]);
});

test('what a record leaves out', async () => {
  const { audit, postTo } = await world({ maxEvents: 9 });
  const records = [
    { attributes: [text('event.name', 'Device.App.Lifecycle')] },
    { eventName: 'exception', attributes: [text('error.type', 'TimeoutError')], traceId: '', spanId: '0'.repeat(16) },
    { eventName: 'session.start', attributes: [text('user.id', 'ada@example.org')] },
    { eventName: 'session.end', attributes: [text('audit.actor.kind', 'agent'), text('audit.actor.id', 'agent-7')] },
  ];
  expect((await postTo('/v1/logs', logs(records))).payload).toBe('{}');
  const service = { type: 'service', id: 'billing' };
  const onBehalfOf = [{ kind: 'human', id: expect.stringMatching(/^user:[0-9a-f]{32}$/), name: 'ada@example.org' }];
  expect(audit.events).toMatchObject([
    {
      action: 'device.app.lifecycle',
      outcome: 'success',
      target: service,
      attributes: { 'otel.event-name': 'Device.App.Lifecycle' },
    },
    { action: 'event.exception', outcome: 'failure', target: service },
    { action: 'session.start', actor: { id: 'service/billing', onBehalfOf } },
    { action: 'session.end', actor: { onBehalfOf: [{ kind: 'agent', id: 'agent-7' }] } },
  ]);
  expect(audit.events[1]?.request).toEqual({});
  expect((await postTo('/v1/logs', logs([{ ...record, eventName: 'a.b' }], []))).payload).toBe('{}');
  expect(audit.events[4]?.origin).toMatchObject({ service: 'test' });
});

test('records that are no audit events are rejected, and said to be; the others are recorded', async () => {
  const { audit, postTo } = await world({ maxEvents: 9 });
  const plain = { body: { stringValue: 'started, with hunter2' }, timeUnixNano: '1767614400123456789' };
  const twice = { ...record, attributes: [text('a', 'b'), text('a', 'c')] };
  const outcome = { ...record, attributes: [text('audit.outcome', 'maybe')] };
  const answer = await postTo(
    '/v1/logs',
    logs([plain, record, { ...record, eventName: 'audit.refuse' }, twice, outcome, 7]),
  );
  expect(answer.statusCode).toBe(200);
  const { partialSuccess } = answer.json();
  expect(partialSuccess.rejectedLogRecords).toBe('5');
  expect(partialSuccess.errorMessage).toMatch(
    /^record 0: eventName: found nothing, .*record 2: action: .*record 3: attributes: found a key .*and 2 more$/,
  );
  expect(partialSuccess.errorMessage).not.toContain('hunter2');
  expect(audit.events).toHaveLength(1);
  const nowhere = await postTo('/v1/logs', logs([{ eventName: 'a.b' }], []));
  expect(nowhere.json().partialSuccess.errorMessage).toContain('service.name');
  for (const empty of [{}, { resourceLogs: [] }, logs([]), { resourceLogs: null, other: 1 }]) {
    expect((await postTo('/v1/logs', empty)).payload).toBe('{}');
  }
});

test('a request that comes again has the ids of before; equal records of one request have each their own', async () => {
  const { audit, postTo } = await world();
  const untimed = { eventName: 'a.b' };
  const named = { eventName: 'a.b', attributes: [text('log.record.uid', '01K3XW5M7Q')] };
  const once = logs([record, record, named]);
  for (let n = 0; n < 2; n++) await postTo('/v1/logs', once);
  const ids = audit.events.map(({ id }) => id);
  expect(new Set(ids.slice(0, 3)).size).toBe(3);
  expect(ids.slice(3)).toEqual(ids.slice(0, 3));
  await postTo('/v1/logs', logs([named, record]));
  expect(audit.events[6]?.id).toBe(ids[2]);
  expect(ids).not.toContain(audit.events[7]?.id);
  // Nothing tells a repetition from another one that is equal.
  for (let n = 0; n < 2; n++) await postTo('/v1/logs', logs([untimed]));
  expect(audit.events[8]?.id).not.toBe(audit.events[9]?.id);
});

test('gzip, and what is refused in the words of the protocol, with nothing recorded', async () => {
  const { app, audit, postTo } = await world({ maxEvents: 2 });
  const zip = (body: unknown) => gzipSync(typeof body === 'string' ? body : JSON.stringify(body));
  const gzip = { 'content-encoding': 'gzip' };
  expect((await postTo('/v1/logs', zip(logs([record])), gzip)).payload).toBe('{}');
  audit.clear();
  const bomb = zip(' '.repeat(50_000_000));
  const cases: [number, number, unknown, Record<string, string>?][] = [
    [400, 3, '{"resourceLogs":'],
    [400, 3, 'null'],
    [400, 3, [logs([record])]],
    [400, 3, { resourceLogs: {} }],
    [400, 3, { resourceLogs: [7] }],
    [400, 3, logs([record], [text('a', 'b'), text('a', 'b')])],
    [400, 3, '['.repeat(9000) + ']'.repeat(9000)],
    [400, 3, `{"resourceLogs":${'[{"a":'.repeat(200)}1${'}]'.repeat(200)}}`],
    [400, 3, 'no gzip', gzip],
    [400, 3, zip(logs([record])).subarray(0, 100), gzip],
    [400, 3, '', {}],
    [401, 16, logs([record]), { authorization: '' }],
    [413, 8, logs([record, record, record])],
    [413, 8, ' '.repeat(30_000)],
    [413, 8, bomb, gzip],
    [415, 3, zip(logs([record])), { 'content-encoding': 'br' }],
    [415, 3, 'x', { 'content-type': 'application/x-protobuf' }],
    [415, 3, 'x', { 'content-type': 'text/plain' }],
  ];
  for (const [status, code, body, headers] of cases) {
    const answer = await postTo('/v1/logs', body, headers);
    const told = `${JSON.stringify(body).slice(0, 60)} ${JSON.stringify(headers)}`;
    expect(answer, told).toMatchObject({ statusCode: status, headers: { 'content-type': 'application/json' } });
    expect(answer.json(), told).toEqual({ code, message: expect.any(String) });
    expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
  }
  expect(bomb.length).toBeLessThan(60_000);
  expect((await postTo('/v1/logs', 'x', { 'content-type': 'application/x-protobuf' })).json().message).toContain(
    'http/json',
  );
  expect(audit.events).toEqual([]);
  expect((await app.inject({ url: '/openapi.json' })).json().paths).toHaveProperty(['/v1/logs']);
});

test('what may be sent again says when: a rate, Kafka away, an issuer away', async () => {
  const delivered: boolean[] = [];
  const answers: number[] = [];
  const onDelivery = (isDelivered: boolean) => delivered.push(isDelivered);
  const { audit, postTo } = await world({
    rate: 1,
    now: () => 0,
    onDelivery,
    onAnswer: status => answers.push(status),
  });
  const post = (...records: object[]) => postTo('/v1/logs', logs(records));
  audit.away = true;
  expect(await post(record)).toMatchObject({ statusCode: 503, headers: { 'retry-after': '5' } });
  audit.away = false;
  expect((await post({})).statusCode).toBe(200);
  expect((await post(record)).statusCode).toBe(200);
  expect(await post(record)).toMatchObject({ statusCode: 429, headers: { 'retry-after': '1' } });
  // What has no event to record says nothing of Kafka.
  expect(delivered).toEqual([false, true]);
  expect(answers).toEqual([503, 200, 200, 429]);
  const check = async () => {
    throw new IdentityError('unavailable', 'the issuer does not answer');
  };
  const away = await world({ onDelivery }, [{ accepts: () => true, check, close: () => undefined }]);
  const answer = await away.postTo('/v1/logs', logs([record]), { authorization: 'Bearer abc' });
  expect(answer).toMatchObject({ statusCode: 503, headers: { 'retry-after': '5' } });
  expect(answer.json()).toMatchObject({ code: 14 });
  expect(delivered).toHaveLength(2);
});
