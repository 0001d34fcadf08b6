import { describe, expect, test } from 'vitest';
import { decoderFor } from '../../../auditor/read/decode.ts';
import { Doubled } from '../../../auditor/read/doubled.ts';
import { parseInstant, parseMicros } from '../../../auditor/read/filter.ts';
import { exactJson, openFormat, type ReadEvent } from '../../../auditor/read/index.ts';
import { type Proof, pending, proven, unproven } from '../../../auditor/read/proof.ts';
import { printable } from '../../../auditor/read/table.ts';
import { prefixesSince } from '../../../auditor/read/tail.ts';
import { viewOf } from '../../../auditor/read/view.ts';
import { formatMicros } from '../../../core/proof/period.ts';

const fields = (sequence = 0n) => ({
  id: 'e1',
  occurredAt: 1_767_607_272_123_468n,
  topic: 'audit.raw',
  generation: 0,
  partition: 1,
  offset: 100n,
  producer: { instance: 'p', sequence, last: false, abandoned: [] },
});

function eventOf(value: object, proof: Proof = proven): ReadEvent {
  const datum = new Uint8Array([1]);
  return { kind: 'event', fields: fields(), datum, value, undecodable: null, view: viewOf(value), proof, segment: 's' };
}

const sealed = { keyId: 'k', nonce: new Uint8Array(12), ciphertext: new Uint8Array(16) };
const event = eventOf({
  action: 'account.close',
  outcome: 'success',
  tenant: 'acme',
  actor: { kind: 'human', id: 'u-1', name: sealed },
  targets: [{ type: 'account', id: 'a-1' }],
  origin: { service: 'billing' },
});

describe('the table', () => {
  test('shows the main fields, and that personal data is sealed', () => {
    const table = openFormat('table', null);
    const text = table.row(event) + table.end();
    expect(text).toContain('TIME (UTC)');
    expect(text).toMatch(
      /2026-01-05 10:01:12\.123 +account\.close +success +u-1 \(sealed\) +account\/a-1 +billing +proven\n$/,
    );
  });

  test('fits the terminal, wide characters counted as two columns', () => {
    const long = eventOf({
      action: 'account.close',
      actor: { id: '監査'.repeat(20) },
      targets: Array.from({ length: 9 }, (_, i) => ({ type: 'account', id: `number-${i}` })),
    });
    const table = openFormat('table', 90);
    const lines = (table.row(long) + table.end()).trimEnd().split('\n');
    const columns = (line: string) => [...line].reduce((sum, char) => sum + (/\p{Script=Han}/u.test(char) ? 2 : 1), 0);
    for (const line of lines) expect(columns(line)).toBeLessThanOrEqual(90);
    expect(lines[1]).toContain('…');
    expect(lines[1]).toMatch(/proven$/);
  });

  test('streams: rows are held back only until the widths are known', () => {
    const table = openFormat('table', 100);
    const texts = Array.from({ length: 150 }, () => table.row(event));
    expect(texts.filter(text => text !== '')).toHaveLength(51);
    expect((texts.join('') + table.end()).trimEnd().split('\n')).toHaveLength(151);
  });

  test('lets no control sequence through to the terminal', () => {
    const hostile = eventOf({ action: '\u001b[2J\u009b31m\u202egnp\r\n', targets: [{ type: 'a\n', id: '\u0007' }] });
    const table = openFormat('table', null);
    const text = table.row(hostile) + table.end();
    expect(text.replaceAll('\n', '')).toBe(printable(text.replaceAll('\n', '')));
    expect(text.split('\n')).toHaveLength(3);
  });
});

describe('JSON lines', () => {
  test('are exact', () => {
    const value = {
      big: 2n ** 63n - 1n,
      bytes: new Uint8Array([0, 255]),
      nan: Number.NaN,
      none: undefined,
      text: '"\n',
    };
    expect(exactJson(value)).toBe('{"big":9223372036854775807,"bytes":"AP8=","nan":"NaN","text":"\\"\\n"}');
  });

  test('have proof, segment and event, a line each', () => {
    const line = openFormat('jsonl', null).row(eventOf({ action: 'a' }, unproven('no policy given')));
    expect(JSON.parse(line)).toEqual({
      proof: { status: 'unproven', why: 'no policy given' },
      segment: 's',
      event: { action: 'a' },
    });
  });

  test('keep an event that could not be decoded, with its bytes and why', () => {
    const line = openFormat('jsonl', null).row({ ...event, value: null, undecodable: 'no such branch' });
    expect(JSON.parse(line)).toMatchObject({ undecodable: 'no such branch', datum: 'AQ==', event: { id: 'e1' } });
  });
});

describe('CSV', () => {
  test('is RFC 4180, and runs in no spreadsheet', () => {
    const csv = openFormat('csv', null);
    const row = (action: string) => csv.row(eventOf({ action }));
    expect(row('say "hi", or\nnot')).toMatch(/^id,occurredAt,action,.*\r\ne1,.*,"say ""hi"", or\nnot",.*\r\n$/s);
    expect(row('=HYPERLINK("x")')).toContain(`,"'=HYPERLINK(""x"")",`);
    expect(csv.end()).toBe('');
  });

  test('has its header even without events', () => {
    expect(openFormat('csv', null).end()).toMatch(/^id,occurredAt,.*\r\n$/);
  });
});

describe('decoding', () => {
  const schema = (name: string) => JSON.stringify({ type: 'record', name: 'R', fields: [{ name, type: 'long' }] });

  test('never throws: what it can not do is said', () => {
    expect(decoderFor('a', schema('a'))(Uint8Array.of(2))).toMatchObject({ value: { a: 1 } });
    expect(decoderFor('a', schema('a'))(Uint8Array.of(2, 2))).toMatchObject({ problem: expect.any(String) });
    expect(decoderFor('b', schema('a-b'))(Uint8Array.of(2))).toMatchObject({ problem: expect.any(String) });
    expect(decoderFor('c', 'no JSON')(Uint8Array.of(2))).toMatchObject({ problem: expect.any(String) });
  });
});

describe('a doubled event', () => {
  test('is known by instance and number', () => {
    const doubled = new Doubled();
    expect([0n, 1n, 0n, 2n, 1n].map(n => doubled.isDoubled(fields(n), proven))).toEqual([
      false,
      false,
      true,
      false,
      true,
    ]);
    expect(doubled.isDoubled({ ...fields(), producer: null }, proven)).toBe(false);
  });

  test('without proof never hides the one that is proven', () => {
    const doubled = new Doubled();
    expect(doubled.isDoubled(fields(), unproven('planted'))).toBe(false);
    expect(doubled.isDoubled(fields(), proven)).toBe(false);
    expect(doubled.isDoubled(fields(), pending)).toBe(true);
  });
});

describe('times', () => {
  test.each([
    ['2026-01-05', '2026-01-05T00:00:00.000000Z'],
    ['2026-01-05T10:00Z', '2026-01-05T10:00:00.000000Z'],
    ['2026-01-05T10:00:00.5+02:00', '2026-01-05T08:00:00.500000Z'],
    ['2026-01-05T10:00:00.123456Z', '2026-01-05T10:00:00.123456Z'],
  ])('%s is %s', (text, expected) => {
    expect(formatMicros(parseInstant(text, '--from'))).toBe(expected);
    expect(parseMicros(expected)).toBe(parseInstant(text, '--from'));
  });

  test.each(['', 'yesterday', '2026-02-31', '2026-01-05T10:00', '2026-13-01', '5'])('%j is refused', text => {
    expect(() => parseInstant(text, '--from')).toThrow(/--from: found ".*", expected a date/);
  });

  test('days from one on are few listings, and leave out no later day', () => {
    const prefixes = prefixesSince(Date.UTC(2026, 0, 5));
    const isCovered = (day: string) => prefixes.some(prefix => `events/dt=${day}/hour=00/`.startsWith(prefix));
    expect(prefixes.length).toBeLessThan(60);
    expect(['2026-01-05', '2026-01-31', '2026-02-01', '2026-12-31'].every(isCovered)).toBe(true);
    expect(isCovered('2026-01-04') || isCovered('2025-12-31')).toBe(false);
    expect(isCovered(new Date().toISOString().slice(0, 10))).toBe(true);
  });
});
