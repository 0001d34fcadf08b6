import { expect, test } from 'vitest';
import { decodeSealed, jsonLineOf, lineOf } from '../../../auditor/tail/sealed-event.ts';

const place = { partition: 3, offset: 41n, sealedAt: Date.UTC(2026, 0, 5, 9, 30) };
const text = JSON.stringify({
  type: 'record',
  name: 'Other',
  fields: [
    { name: 'action', type: 'string' },
    { name: 'outcome', type: 'string' },
  ],
});

/** A datum of two texts, each shorter than 64 bytes, behind the registry's prefix. */
function datum(...texts: string[]): Buffer {
  const parts = texts.map(one => Buffer.concat([Buffer.from([Buffer.byteLength(one) * 2]), Buffer.from(one)]));
  return Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), ...parts]);
}

test('whatever a stranger wrote into the topic reaches the terminal as text', () => {
  const value = datum('a\u001b[2J\u202e', 'success');
  const event = decodeSealed({ ...place, value, schema: { id: 9, text } });
  expect(lineOf(event)).toMatch(/^2026-01-05 09:30:00\.000 {2}a\\u\{1b\}\[2J\\u\{202e\} +success {2}- +\[3:41\]\n$/);
  expect(JSON.parse(jsonLineOf(event))).toMatchObject({ partition: 3, offset: 41, event: { outcome: 'success' } });
});

test('what can not be decoded is shown, and why', () => {
  for (const record of [
    { value: null, schema: { id: null, text: null } },
    { value: Buffer.from('poison'), schema: { id: null, text: null } },
    { value: datum('only one'), schema: { id: 9, text } },
  ]) {
    const event = decodeSealed({ ...place, ...record });
    expect(lineOf(event)).toMatch(/^2026-01-05 09:30:00\.000 {2}\(undecodable: .+\).*\[3:41\]\n$/);
    expect(JSON.parse(jsonLineOf(event))).toEqual({
      partition: 3,
      offset: 41,
      sealedAt: '2026-01-05T09:30:00.000Z',
      undecodable: event.undecodable,
    });
  }
});
