import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress, scopeOf } from '../../../consumers/normalizer/enrich/address.ts';

const scope = (text: string) => {
  const address = parseAddress(text);
  return address === null ? 'none' : (scopeOf(address) ?? 'public');
};

describe('reserved addresses are known by a table', () => {
  test.each([
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'reserved'],
    ['9.255.255.255', 'public'],
    ['10.0.0.0', 'private'],
    ['10.255.255.255', 'private'],
    ['11.0.0.0', 'public'],
    ['100.63.255.255', 'public'],
    ['100.64.0.0', 'carrier-nat'],
    ['100.127.255.255', 'carrier-nat'],
    ['100.128.0.0', 'public'],
    ['127.0.0.1', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['172.15.255.255', 'public'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'public'],
    ['192.0.0.8', 'reserved'],
    ['192.0.2.1', 'documentation'],
    ['192.88.99.1', 'reserved'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'benchmarking'],
    ['198.19.255.255', 'benchmarking'],
    ['198.51.100.7', 'documentation'],
    ['203.0.113.9', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['233.252.0.1', 'documentation'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['8.8.8.8', 'public'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::2', 'reserved'],
    ['64:ff9b::8.8.8.8', 'nat64'],
    ['64:ff9b:1::1', 'nat64'],
    ['100::1', 'reserved'],
    ['2001::1', 'tunnel'],
    ['2001:2::1', 'benchmarking'],
    ['2001:db8::1', 'documentation'],
    ['2002:808:808::1', 'tunnel'],
    ['2001:4860:4860::8888', 'public'],
    ['2a00:1450:4001:830::200e', 'public'],
    ['3fff::1', 'documentation'],
    ['5f00::1', 'reserved'],
    ['fc00::1', 'private'],
    ['fdff:ffff::1', 'private'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['fec0::1', 'private'],
    ['ff02::1', 'multicast'],
  ])('%s: %s', (text, expected) => expect(scope(text)).toBe(expected));
});

describe('forms', () => {
  test.each([
    ['fe80::1%eth0', 'fe80::1'],
    ['[2001:4860::8888]:443', '2001:4860::8888'],
    ['[::1]', '::1'],
    ['8.8.8.8:1234', '8.8.8.8'],
    [' 8.8.8.8 ', '8.8.8.8'],
    ['::ffff:8.8.8.8', '8.8.8.8'],
    ['::FFFF:0808:0808', '8.8.8.8'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3'],
  ])('%s is %s', (text, expected) => expect(parseAddress(text)?.text).toBe(expected));

  test.each([
    '',
    'unknown',
    '8.8.8',
    '8.8.8.256',
    '08.8.8.8',
    ':::',
    '1:2:3:4:5:6:7',
    '8.8.8.8, 9.9.9.9',
    '-',
    'localhost',
  ])('%j is none', text => expect(parseAddress(text)).toBeNull());

  test('an IPv4-mapped address is the IPv4 address, and known as mapped', () => {
    fc.assert(
      fc.property(fc.ipV4(), text => {
        const plain = parseAddress(text);
        expect(parseAddress(`::ffff:${text}`)).toEqual({ ...plain, mapped: true });
        expect(plain?.bytes.join('.')).toBe(text);
      }),
    );
  });

  test('any text is an address or none; each address has a scope or is public', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'0123456789abcf:.%[]') }),
      fc.ipV6(),
      fc.ipV4Extended(),
    );
    fc.assert(
      fc.property(anything, text => {
        const address = parseAddress(text);
        if (isIP(text) !== 0) expect(address).not.toBeNull();
        if (address) expect([4, 16]).toContain(address.bytes.length);
        if (address) scopeOf(address);
      }),
    );
  });

  test('IPv6: the same bytes, however it is shortened', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 }),
        groups => {
          const long = groups.map(group => group.toString(16)).join(':');
          const short = new URL(`http://[${long}]`).hostname.slice(1, -1);
          expect(parseAddress(short)).toMatchObject({ bytes: parseAddress(long)?.bytes });
        },
      ),
    );
  });
});
