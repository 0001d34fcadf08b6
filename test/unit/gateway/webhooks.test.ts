// Webhooks by the file that maps them: the one of the documentation is executed, and each way in which a delivery or the file can be wrong.

import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { gatewaySettings } from '../../../producers/gateway/http/settings.ts';
import { parsePointer, parseTemplate, resolvePointer } from '../../../producers/gateway/webhooks/pointer.ts';
import { exampleOfWebhooks, readWebhooks } from './webhooks-file.ts';
import { world } from './world.ts';

const now = 1_767_614_400_000;

async function webhooks(file?: string) {
  const { app, audit, postTo, ...rest } = await world({
    webhooks: file === undefined ? exampleOfWebhooks() : readWebhooks(file),
    now: () => now,
  });
  /** With a credential where the headers say nothing else. */
  const deliver = (name: string, body: unknown, headers: Record<string, string> = { authorization: '' }) =>
    postTo(`/v1/webhooks/${name}`, body, headers);
  return { app, audit, deliver, ...rest };
}

const hmac = (secret: string, text: string, encoding: 'hex' | 'base64' = 'hex') =>
  createHmac('sha256', secret).update(text).digest(encoding);
const stripe = (body: object, seconds = now / 1000, secret = 'payments') => {
  const time = String(seconds);
  return {
    authorization: '',
    'stripe-signature': `t=${time},v1=${hmac(secret, `${time}.${JSON.stringify(body)}`)},v0=00`,
  };
};
const signed = (body: object, id = 'd-1') => ({
  authorization: '',
  'x-delivery-id': id,
  'x-signature-256': `sha256=${hmac('alerts', JSON.stringify(body))}`,
});

const refund = {
  id: 'evt_1',
  type: 'charge.refunded',
  livemode: true,
  account: 'acct_7',
  created: 1_767_614_300,
  request: null,
  data: { object: { object: 'charge', id: 'ch_1', amount: 4200 } },
};
const alert = { alert: { id: 77, title: 'Disk' }, user: { id: 'u-1', name: 'Ada' }, environment: 'production' };
const ticket = { ticket: { id: 't-1', updateId: 'up-1', organization: 'acme' } };

describe('the example of the documentation', () => {
  test('a time under the signature: mapped, answered once, and ignored where it is not meant', async () => {
    const { audit, deliver } = await webhooks();
    const answer = await deliver('payments', refund, stripe(refund));
    expect(answer.statusCode).toBe(202);
    expect((await deliver('payments', refund, stripe(refund, now / 1000 + 299))).json()).toEqual(answer.json());
    expect(audit.events).toHaveLength(1);
    expect(audit.events[0]).toMatchObject({
      id: answer.json().results[0].id,
      action: 'charge.refund',
      outcome: 'success',
      occurredAt: new Date(1_767_614_300_000),
      target: { type: 'charge', id: 'acct_7/ch_1' },
      actor: { kind: 'machine', id: 'webhook/payments' },
      origin: { service: 'payments' },
      request: { id: 'evt_1' },
      attributes: { amount: 4200, 'gateway.reported-by': 'webhook/payments' },
    });
    for (const other of [{ ...refund, type: 'charge.created' }, { ...refund, livemode: false }, []]) {
      const ignored = await deliver('payments', other, stripe(other));
      expect([ignored.statusCode, ignored.json()]).toEqual([200, { results: [{ status: 'ignored' }] }]);
    }
    expect(
      (await deliver('payments', { ...refund, account: 'acct_8' }, stripe({ ...refund, account: 'acct_8' })))
        .statusCode,
    ).toBe(422);
    const other = await webhooks();
    expect((await other.deliver('payments', refund, stripe(refund))).json()).toEqual(answer.json());
    expect(audit.events).toHaveLength(1);
  });

  test('a signature with a prefix, and an actor who is named', async () => {
    const { audit, deliver } = await webhooks();
    const person = { ...alert, user: { id: 'ada@example.org', name: 'Ada' } };
    expect((await deliver('alerts', alert, signed(alert))).statusCode).toBe(202);
    expect((await deliver('alerts', person, signed(person, 'd-2'))).statusCode).toBe(202);
    expect(audit.events).toMatchObject([
      {
        action: 'alert.acknowledge',
        target: { type: 'alert', id: '77', name: 'Disk' },
        actor: { kind: 'human', id: 'u-1', name: 'Ada' },
        origin: { service: 'alerting', environment: 'production' },
        request: { id: 'd-1' },
      },
      { actor: { id: expect.stringMatching(/^alerts:[0-9a-f]{32}$/), name: 'Ada' } },
    ]);
    expect(audit.events[0]?.reason).toBeUndefined();
  });

  test('a credential instead of a signature: the caller acts', async () => {
    const { audit, deliver } = await webhooks();
    expect((await deliver('desk', ticket, {})).statusCode).toBe(202);
    expect(audit.events).toMatchObject([
      {
        action: 'ticket.close',
        actor: { id: 'service/billing', credential: { method: 'api-key' } },
        tenant: 'acme',
        change: { perimeter: 'support', reference: 'ticket t-1' },
        request: { id: 'up-1' },
      },
    ]);
    expect((await deliver('desk', ticket)).statusCode).toBe(401);
  });
});

test('what is not signed, or not within its time, is not recorded', async () => {
  const { audit, deliver } = await webhooks();
  const raw = JSON.stringify(refund);
  const time = String(now / 1000);
  const right = hmac('payments', `${time}.${raw}`);
  const headers = [
    {},
    { 'stripe-signature': '' },
    { 'stripe-signature': `t=${time}` },
    { 'stripe-signature': right },
    { 'stripe-signature': `t=${time},v0=${right}` },
    { 'stripe-signature': `t=${time},v1=${right}0` },
    { 'stripe-signature': `t=${time},v1=${right.slice(2)}` },
    { 'stripe-signature': `v1=${hmac('payments', `.${raw}`)}` },
    { 'stripe-signature': `t=x,v1=${hmac('payments', `x.${raw}`)}` },
    { 'stripe-signature': `t=${Number(time) + 1},v1=${right}` },
    stripe(refund, now / 1000 - 301),
    stripe(refund, now / 1000 + 301),
    stripe(refund, now / 1000, 'alerts'),
    stripe({ ...refund, account: 'acct_9' }),
  ];
  for (const said of headers) {
    const answer = await deliver('payments', refund, { authorization: '', ...said });
    expect(answer.statusCode, JSON.stringify(said)).toBe(401);
    expect(answer.json().detail).toMatch(/^Stripe-Signature: expected/i);
  }
  // Two secrets while one of them is replaced.
  const both = { authorization: '', 'stripe-signature': `t=${time}, v1=${'0'.repeat(64)}, v1=${right}` };
  expect((await deliver('payments', refund, both)).statusCode).toBe(202);
  const cases: [number, string, unknown, Record<string, string>][] = [
    [401, 'alerts', alert, { ...signed(alert), 'x-signature-256': hmac('alerts', JSON.stringify(alert)) }],
    [400, 'alerts', alert, { ...signed(alert), 'x-delivery-id': '' }],
    [404, 'other', alert, {}],
    [415, 'desk', ticket, { 'content-type': 'text/plain' }],
    [400, 'desk', '{', {}],
    [400, 'desk', `${'['.repeat(9000)}${']'.repeat(9000)}`, {}],
    [413, 'desk', ' '.repeat(30_000), {}],
    [422, 'desk', 'null', {}],
  ];
  for (const [status, name, body, more] of cases) {
    expect((await deliver(name, body, more)).statusCode, `${name} ${JSON.stringify(more)}`).toBe(status);
  }
  expect(audit.events).toHaveLength(1);
});

test('base64, and a time in a header of its own, as Slack has it', async () => {
  const file = `
version: 1
webhooks:
  chat:
    signature:
      header: X-Chat-Signature
      prefix: v0=
      encoding: base64
      secretFile: alerts.secret
      timestamp: { header: X-Chat-Time, signed: 'v0:{timestamp}:{body}', toleranceSeconds: 60 }
    delivery: { header: X-Chat-Id }
    event: { action: channel.archive, target: { type: channel, id: { pointer: /a~1b/0/m~0n } } }
`;
  const { audit, deliver } = await webhooks(file);
  const body = { 'a/b': [{ 'm~n': 'c-1' }] };
  const time = String(now / 1000 - 60);
  const signature = `v0=${hmac('alerts', `v0:${time}:${JSON.stringify(body)}`, 'base64')}`;
  const headers = { authorization: '', 'x-chat-id': 'ü 1', 'x-chat-time': time, 'x-chat-signature': signature };
  expect((await deliver('chat', body, headers)).statusCode).toBe(202);
  expect((await deliver('chat', body, { ...headers, 'x-chat-time': String(now / 1000 - 61) })).statusCode).toBe(401);
  expect(audit.events).toMatchObject([{ target: { id: 'c-1' } }]);
});

test('what a delivery lacks is said all at once, by field and pointer, and nothing of it is repeated', async () => {
  const { audit, deliver } = await webhooks();
  const body = { ...refund, created: 'hunter2', data: { object: { object: { hunter2: 1 } } } };
  const answer = await deliver('payments', body, stripe(body));
  expect(answer.statusCode).toBe(422);
  expect(answer.json().results[0].problems).toEqual([
    { field: 'target.type', found: 'something else at /data/object/object', expected: 'a text or a number' },
    { field: 'target.id', found: 'nothing at /data/object/id', expected: 'a text or a number' },
    { field: 'occurredAt', found: 'something else at /created', expected: 'a time' },
    { field: 'attributes.amount', found: 'nothing at /data/object/amount', expected: 'a value' },
  ]);
  expect(answer.body).not.toContain('hunter2');
  const unnamed = { ticket: { id: 't-1' } };
  expect((await deliver('desk', unnamed, {})).json().detail).toContain('/ticket/updateId');
  expect(audit.events).toEqual([]);
});

test('times in each unit, and values that are looked up', async () => {
  const file = `
version: 1
webhooks:
  any:
    credential: required
    delivery: { pointer: /n }
    event:
      action: thing.touch
      outcome: { pointer: /ok, optional: true, values: { true: success, 0: denied } }
      target: { type: thing, id: { pointer: /n } }
      occurredAt: { pointer: /at }
`;
  const { audit, deliver } = await webhooks(file);
  const at = '2026-01-05T12:00:00.250Z';
  const ms = Date.parse(at);
  const times = [at, ms / 1000, ms, ms * 1000, String(ms), `${ms / 1000}`];
  for (const [n, time] of times.entries()) {
    expect((await deliver('any', { n, at: time, ok: n % 2 === 0 ? true : 0 }, {})).statusCode).toBe(202);
  }
  for (const [n, event] of [...audit.events].entries()) {
    expect(event).toMatchObject({ occurredAt: new Date(at), outcome: n % 2 === 0 ? 'success' : 'denied' });
  }
  expect((await deliver('any', { n: 8, at }, {})).statusCode).toBe(202);
  // Beyond what a number of JSON holds: two deliveries, not one that comes again.
  const large = ['9007199254740993', '9007199254740992'];
  for (const n of large) {
    expect((await deliver('any', `{ "n": ${n}, "at": ${ms} }`, {})).statusCode).toBe(202);
  }
  expect(audit.events.slice(-2).map(({ target }) => target.id)).toEqual(large);
  expect((await deliver('any', { n: 9, at, ok: 'maybe' }, {})).json().results[0].problems).toEqual([
    { field: 'outcome', found: 'another value at /ok', expected: 'one of 0, true' },
  ]);
});

test('all that is wrong with the file is said at the start, without a secret', () => {
  const file = `version: 2
webhooks:
  github:
    credential: required
    delivery: { header: X-Id }
    event: { action: a.b, target: { type: a, id: b } }
  pay:
    signature: { header: 'X Sig', encoding: hax, secretFile: hunter2, timestamp: { signed: '{body}' } }
    delivery: { pointer: id }
    when: [{ pointer: /a }]
    event:
      action: Pay
      target: { type: { pointer: x }, id: { template: '{/a' }, name: { pointer: /a, upper: true } }
      actor: { kind: robot, id: [] }
      outcome: { pointer: /ok, values: { yes: sure } }
  both:
    delivery: { header: X-Id, pointer: /id }
    event: { action: a.b }
`;
  const problems = (() => {
    try {
      readWebhooks(file);
    } catch (error) {
      return String(error).replaceAll(/\S*webhooks\.yaml/g, 'webhooks.yaml');
    }
    return '';
  })();
  expect(problems).toMatchInlineSnapshot(`
    "SettingsError: 17 settings are not as they have to be:
      webhooks.yaml:1: version: found 2, expected 1.
      webhooks.yaml:4: webhooks.github: found "github", expected a name of small letters, digits and hyphens, and not github, kubernetes, cloudtrail.
      webhooks.yaml:8: webhooks.pay.signature.header: found "X Sig", expected the name of a header.
      webhooks.yaml:8: webhooks.pay.signature.encoding: found "hax", expected hex or base64.
      webhooks.yaml:8: webhooks.pay.signature.secretFile: found nothing, expected a file that can be read and is not empty.
      webhooks.yaml:8: webhooks.pay.signature.timestamp.signed: found "{body}", expected a text with {timestamp} and then {body}.
      webhooks.yaml:9: webhooks.pay.delivery.pointer: found "id", expected a JSON Pointer such as /data/id (RFC 6901).
      webhooks.yaml:10: webhooks.pay.when[0]: found a map, expected in or notIn, one of them.
      webhooks.yaml:12: webhooks.pay.event.action: found "Pay", expected a noun, then a verb, dotted and lower case, such as account.close, of at most 128 characters.
      webhooks.yaml:13: webhooks.pay.event.target.type.pointer: found "x", expected a JSON Pointer such as /data/id (RFC 6901).
      webhooks.yaml:13: webhooks.pay.event.target.id.template: found "{/a", expected a text with pointers in braces, such as {/account}/{/id}.
      webhooks.yaml:13: webhooks.pay.event.target.name: found "upper", expected pointer or template, optional, and values beside a pointer.
      webhooks.yaml:14: webhooks.pay.event.actor.kind: found "robot", expected human, machine, agent.
      webhooks.yaml:14: webhooks.pay.event.actor.id: found an empty list, expected a constant, { pointer: /… } or { template: … }.
      webhooks.yaml:15: webhooks.pay.event.outcome.values.yes: found "sure", expected success, denied, failure.
      webhooks.yaml:17: webhooks.both.delivery: found a map, expected header or pointer, one of them.
      webhooks.yaml:18: webhooks.both.event.target: found nothing, expected type and id."
  `);
  expect(problems).not.toContain('hunter2');
  expect(() => gatewaySettings({ TIDEMARK_API_KEYS: 'k', TIDEMARK_GATEWAY_WEBHOOKS: '/nowhere.yaml' })).toThrow(
    'a YAML file of webhooks',
  );
});

test('pointers are those of RFC 6901, section 5', () => {
  const document = {
    foo: ['bar', 'baz'],
    '': 0,
    'a/b': 1,
    'c%d': 2,
    'e^f': 3,
    'g|h': 4,
    'i\\j': 5,
    'k"l': 6,
    ' ': 7,
    'm~n': 8,
    '~1': 9,
  };
  const cases: [string, unknown][] = [
    ['', document],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
    ['/~01', 9],
    ['/foo/00', undefined],
    ['/foo/-', undefined],
    ['/foo/2', undefined],
    ['/foo/length', undefined],
    ['/constructor', undefined],
    ['/__proto__', undefined],
  ];
  for (const [text, value] of cases) {
    const pointer = parsePointer(text);
    expect(pointer && resolvePointer(pointer, document), text).toEqual(value);
  }
  for (const text of ['foo', 'foo/', '/~', '/~2', '#/foo']) expect(parsePointer(text), text).toBeUndefined();
  for (const text of ['', 'none', '{', '{/a}}', '{a}', '{/a}{']) expect(parseTemplate(text), text).toBeUndefined();
  expect(parseTemplate('x{/a}{/b}')).toMatchObject(['x', { names: ['a'] }, '', { names: ['b'] }, '']);
});
