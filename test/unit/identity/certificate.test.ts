// Client certificates on real TLS connections.

import { describe, expect, test } from 'vitest';
import { type CertificateOptions, createCertificateChecker, presentedBy } from '../../../producers/identity/index.ts';
import { parseSpiffeId, uriNames } from '../../../producers/identity/spiffe.ts';
import { type CertificateWish, connectionOf, createAuthority, type ServerWish } from './authority.ts';
import { codeOf } from './issuer.ts';

const ID = 'spiffe://prod.example.com/ns/shop/sa/billing';
const uri = (value: string) => ({ type: 'url' as const, value });

async function check(wish: CertificateWish, options: Partial<CertificateOptions> = {}, server: ServerWish = {}) {
  const authority = await createAuthority('test authority');
  const socket = await connectionOf(authority, await authority.issue(wish), server);
  const checker = createCertificateChecker({ trustDomains: ['prod.example.com'], ...options });
  return codeOf(checker.check({ kind: 'certificate', socket }));
}

test('a SPIFFE id of a verified certificate is a machine', async () => {
  expect(await check({ names: [uri(ID), { type: 'dns', value: 'billing.shop' }] })).toMatchObject({
    attribution: 'verified',
    actor: {
      kind: 'machine',
      id: ID,
      credential: {
        method: 'mtls',
        issuer: 'CN=test authority',
        subject: ID,
        keyId: expect.stringMatching(/^[0-9A-F]+$/),
      },
    },
    expiresAt: expect.any(Number),
  });
});

test('a certificate without one is whoever the options say', async () => {
  const actorOf: CertificateOptions['actorOf'] = ({ subject }) =>
    subject.includes('CN=gateway') ? { kind: 'machine', id: 'service/gateway' } : undefined;
  expect(await check({ subject: 'O=Example, CN=gateway' }, { actorOf })).toMatchObject({
    actor: { id: 'service/gateway', credential: { subject: 'O=Example, CN=gateway' } },
  });
  expect(await check({ subject: 'CN=stranger' }, { actorOf })).toBe('not-allowed');
  expect(await check({ subject: 'CN=gateway' })).toBe('not-allowed');
});

describe('refused', () => {
  test.each([
    ['another trust domain', { names: [uri('spiffe://evil.example.com/ns/shop/sa/billing')] }, 'not-allowed'],
    ['two URIs', { names: [uri(ID), uri('https://example.com')] }, 'wrong-claim'],
    ['a second SPIFFE id', { names: [uri('https://example.com'), uri(ID)] }, 'wrong-claim'],
    ['the trust domain alone', { names: [uri('spiffe://prod.example.com')] }, 'wrong-claim'],
    ['a way upwards in its path', { names: [uri('spiffe://prod.example.com/a/../b')] }, 'wrong-claim'],
    ['another scheme in capitals', { names: [uri('SPIFFE://prod.example.com/a')] }, 'wrong-claim'],
    ['an id written into another name', { names: [{ type: 'dns' as const, value: `a, URI:${ID}` }] }, 'not-allowed'],
    ['an authority', { names: [uri(ID)], ca: true }, 'untrusted'],
  ])('%s', async (_, wish, code) => {
    expect(await check(wish)).toBe(code);
  });

  test('one that expired while the connection stood, and one that had before', async () => {
    const later = () => Date.now() + 2 * 3_600_000;
    expect(await check({ names: [uri(ID)] }, { now: later })).toBe('expired');
    expect(await check({ names: [uri(ID)], validTo: Date.now() - 1000 })).toBe('untrusted');
  });

  test('by another authority of the same name', async () => {
    const [own, other] = [await createAuthority('test authority'), await createAuthority('test authority')];
    const socket = await connectionOf(own, await other.issue({ names: [uri(ID)] }));
    const checker = createCertificateChecker({ trustDomains: ['prod.example.com'] });
    expect(socket.authorized).toBe(false);
    expect(await codeOf(checker.check({ kind: 'certificate', socket }))).toBe('untrusted');
  });

  test('no certificate, where one was asked for and where none was', async () => {
    const authority = await createAuthority('test authority');
    const checker = createCertificateChecker({ trustDomains: ['prod.example.com'] });
    for (const requestCert of [true, false]) {
      const socket = await connectionOf(authority, undefined, { requestCert });
      expect(await codeOf(checker.check({ kind: 'certificate', socket }))).toBe('untrusted');
      expect(presentedBy({ headers: {}, socket })).toBeUndefined();
    }
  });

  test('options that accept nobody', () => {
    expect(() => createCertificateChecker({})).toThrow(/trustDomains, actorOf/);
  });
});

test('the certificate of a request is what it presents, unless a header holds more', async () => {
  const authority = await createAuthority('test authority');
  const socket = await connectionOf(authority, await authority.issue({ names: [uri(ID)] }), {
    rejectUnauthorized: true,
  });
  expect(presentedBy({ headers: {}, socket })).toEqual({ kind: 'certificate', socket });
  expect(presentedBy({ headers: { authorization: 'Bearer abc' }, socket })).toEqual({ kind: 'token', token: 'abc' });
});

test.each([
  ['spiffe://a/b', true],
  ['spiffe://a.b-c_d/B/c.d', true],
  ['spiffe://A/b', false],
  ['spiffe://a:80/b', false],
  ['spiffe://u@a/b', false],
  ['spiffe://a/b/', false],
  ['spiffe://a//b', false],
  ['spiffe://a/b?c', false],
  ['spiffe://a/b#c', false],
  ['spiffe://a/%62', false],
  ['spiffe://a/..', false],
  [`spiffe://a/${'b'.repeat(2048)}`, false],
])('%s', (text, isId) => {
  expect(parseSpiffeId(text) !== undefined).toBe(isId);
});

test('names that are not read to their end are not read at all', () => {
  expect(uriNames('URI:a, DNS:b, URI:"c\\u002c d"')).toEqual(['a', 'c, d']);
  expect(uriNames('URI:a, "b')).toEqual([]);
  expect(uriNames(undefined)).toEqual([]);
});
