// Whose address is believed: nobody's word but a known proxy's.
import { expect, test } from 'vitest';
import { clientAddressBy, type TrustProxy } from '../../../producers/sdk/web/client-address.ts';
import { requestOf } from '../../../producers/sdk/web/incoming.ts';

test.each<[string, TrustProxy | undefined, string | undefined, string | undefined, string | undefined]>([
  ['by default the header is not believed', undefined, '203.0.113.9', '1.1.1.1', '203.0.113.9'],
  ['nor with no hops', 0, '203.0.113.9', '1.1.1.1', '203.0.113.9'],
  ['one proxy: the last that it names', 1, '10.0.0.1', '6.6.6.6, 203.0.113.9', '203.0.113.9'],
  ['two proxies', 2, '10.0.0.1', '6.6.6.6, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
  ['a proxy that says nothing is the client', 1, '10.0.0.1', undefined, '10.0.0.1'],
  ['what is no address ends it', 2, '10.0.0.1', '203.0.113.9, unknown', '10.0.0.1'],
  ['nothing follows what is no address', 2, '10.0.0.1', "x'; drop, 10.0.0.2", '10.0.0.2'],
  [
    'known proxies are passed, whatever their number',
    ['10.0.0.0/8'],
    '10.0.0.1',
    '6.6.6.6, 203.0.113.9, 10.9.9.9, 10.0.0.2',
    '203.0.113.9',
  ],
  ['who comes around the proxies is not believed', ['10.0.0.0/8'], '203.0.113.9', '1.1.1.1', '203.0.113.9'],
  ['a single address', ['10.0.0.1'], '10.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['IPv6', ['fd00::/8'], 'fd00::1', '2001:db8::7', '2001:db8::7'],
  ['IPv4 within IPv6 is IPv4', ['10.0.0.0/8'], '::ffff:10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
  ['ports and brackets are put off', 2, '10.0.0.1', '[2001:db8::7]:443, 10.0.0.2:80', '2001:db8::7'],
  ['all are proxies: the farthest', ['10.0.0.0/8'], '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
  ['a connection without an address', 1, undefined, '1.1.1.1', undefined],
  ['a header without end', 1, '10.0.0.1', `${'1.1.1.1,'.repeat(10_000)}203.0.113.9`, '203.0.113.9'],
])('%s', (_, trust, peer, header, expected) => {
  expect(clientAddressBy(trust)(peer, header)).toBe(expected);
});

test.each([-1, 1.5, '10.0.0.0/8', ['10.0.0.0/33'], ['nonsense'], ['10.0.0.0/']])('%j is no setting', trust => {
  expect(() => clientAddressBy(trust as TrustProxy)).toThrow(/trustProxy/);
});

test('what a request says of itself never makes an event invalid', () => {
  const of = (headers: Record<string, string>, trust?: TrustProxy, id?: string) =>
    requestOf({ peer: '192.0.2.7', id, header: name => headers[name] }, clientAddressBy(trust));
  const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  expect(of({ traceparent: parent, 'user-agent': 'x' }, undefined, 'r-1')).toEqual({
    id: 'r-1',
    traceParent: parent,
    clientAddress: '192.0.2.7',
    userAgent: 'x',
  });
  for (const traceparent of [
    '',
    'x',
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `${parent}-more`,
    `ff${parent.slice(2)}`,
  ]) {
    expect(of({ traceparent }).traceParent).toBeUndefined();
  }
  expect(of({ 'user-agent': '\ud83d'.repeat(5000) }).userAgent).toHaveLength(512);
  const uuid = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;
  expect(of({ 'x-request-id': 'mine' }).id).toMatch(uuid);
  expect(of({ 'x-request-id': 'mine' }, 1).id).toBe('mine');
  expect(of({ 'x-request-id': 'mine' }, ['192.0.2.7']).id).toBe('mine');
  expect(of({ 'x-request-id': 'mine' }, ['10.0.0.0/8']).id).toMatch(uuid);
  expect(of({ 'x-request-id': 'a b\n' }, 1).id).toMatch(uuid);
  expect(of({}, undefined, '').id).toMatch(uuid);
});
