import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AuditorError } from '../../../auditor/error.ts';
import { openStore } from '../../../auditor/open.ts';
import { proveEvent, verifyReceipt } from '../../../auditor/prove/index.ts';
import { collect } from '../../../auditor/read/ahead.ts';
import { readEvents } from '../../../auditor/read/index.ts';
import { formatReceipt, parseReceipt, type Receipt } from '../../../core/proof/receipt.ts';
import { goldenCopy, goldenPath, goldenTrust } from './golden.ts';

const trust = goldenTrust();
const names = readdirSync(goldenPath('receipts'));
const receiptOf = (name: string) => readFileSync(goldenPath('receipts', name));
const holds = (bytes: Uint8Array) => verifyReceipt(bytes, trust).holds;

const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
};

describe('the golden receipts', () => {
  test.each(names)('%s holds, and shows its event', name => {
    const verdict = verifyReceipt(receiptOf(name), trust);
    expect(verdict).toMatchObject({ holds: true, event: { value: { producer: { instance: expect.any(String) } } } });
    if (verdict.holds) expect(verdict.statements.at(-1)).toContain('cosigned by witness.example.org/w1');
  });

  test.each(names)('%s holds no more with any of its bytes changed', name => {
    const bytes = receiptOf(name);
    const survivors = Array.from(bytes.keys()).filter(at => holds(flipped(bytes, at)));
    expect(survivors).toEqual([]);
  });

  test.each(names)('%s holds no more when it is cut off', name => {
    const bytes = receiptOf(name);
    for (let length = 0; length < bytes.length; length += 97) expect(holds(bytes.subarray(0, length))).toBe(false);
  });

  const name = '3-5-15.tlog-proof';
  const other = parseReceipt(receiptOf('0-3-7.tlog-proof'));
  const swaps: readonly [string, (receipt: Receipt) => Partial<Receipt>][] = [
    ['another event', () => ({ event: other.event })],
    ['a byte behind the event', ({ event }) => ({ event: Uint8Array.of(...event, 0) })],
    ['a schema of other white space', ({ schemaText }) => ({ schemaText: `${schemaText} ` })],
    ['another seal', () => ({ seal: other.seal })],
    ['another place in the run', ({ eventIndex }) => ({ eventIndex: eventIndex - 1 })],
    ['another place in the batch', ({ sealIndex }) => ({ sealIndex: sealIndex - 1 })],
    ['another place in the log', ({ index }) => ({ index: index - 1 })],
    ['another batch', () => ({ entry: other.entry })],
    ['a shorter proof of the event', ({ eventProof }) => ({ eventProof: eventProof.slice(1) })],
    ['a longer proof of the seal', ({ sealProof }) => ({ sealProof: [...sealProof, new Uint8Array(32)] })],
    ['a shorter proof of the entry', ({ proof }) => ({ proof: proof.slice(1) })],
    [
      'an older checkpoint',
      () => ({ checkpoint: readFileSync(goldenPath('objects/prod/log/checkpoints/00000000000000000001')) }),
    ],
  ];
  test.each(swaps)('with %s do not hold', (_, swap) => {
    const receipt = parseReceipt(receiptOf(name));
    expect(holds(formatReceipt(receipt))).toBe(true);
    expect(holds(formatReceipt({ ...receipt, ...swap(receipt) }))).toBe(false);
  });

  test('do not hold by the keys of others, and say so', () => {
    const { policy, sealKeys } = trust;
    const bytes = receiptOf(name);
    const noLog = verifyReceipt(bytes, { policy: { ...policy, logs: [] }, sealKeys });
    expect(noLog).toMatchObject({ holds: false, why: expect.stringContaining('not signed by a log key') });
    const noSeal = verifyReceipt(bytes, { policy, sealKeys: [] });
    expect(noSeal).toMatchObject({ holds: false, why: expect.stringContaining('the seal is not signed') });
    const late = sealKeys.map(dated => ({ ...dated, first: Date.UTC(2026, 1) }));
    expect(verifyReceipt(bytes, { policy, sealKeys: late })).toMatchObject({ holds: false });
  });
});

describe('proving', () => {
  const store = openStore(goldenPath('objects', 'prod'), {});

  test('every event gives a receipt that holds, but where a segment of its batch has expired', async () => {
    const batches = { proven: 0, expired: 0 };
    for await (const item of readEvents(store, { trust })) {
      if (item.kind !== 'event') continue;
      const receipt = await proveEvent(store, item.fields.id, trust).catch(error => error);
      if (receipt instanceof AuditorError) {
        expect(receipt.code).toBe('expired');
        batches.expired++;
        continue;
      }
      expect(verifyReceipt(receipt, trust)).toMatchObject({ holds: true, proven: { fields: item.fields } });
      batches.proven++;
    }
    // The first batch has 33 events, of which 12 are in the segment that expired.
    expect(batches).toEqual({ proven: 115, expired: 21 });
  });

  test('the same event as the golden receipt gives the same proof', async () => {
    const golden = parseReceipt(receiptOf('3-5-15.tlog-proof'));
    const ours = parseReceipt(await proveEvent(store, '01940000-0000-7000-8000-000000000093', trust));
    expect(ours).toEqual(golden);
  });

  test('an event that is not there: says what was searched, and what has expired', async () => {
    await expect(proveEvent(store, 'nobody', trust)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/among 136 events in 15 segments; 12 events have expired/),
    });
  });

  test('an event whose batch is not in the log yet: says when to try again', async () => {
    const copy = goldenCopy();
    for (const key of [
      'log/checkpoint',
      'log/checkpoints/00000000000000000004',
      'batches/2026/01/05/20260105T130000Z.note',
    ])
      rmSync(join(copy, key));
    await expect(proveEvent(openStore(copy, {}), '01940000-0000-7000-8000-000000000093', trust)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('its period ends at 2026-01-05T14:00:00Z'),
    });
  });

  test('a batch that lost one of its segments can prove no event any more', async () => {
    const copy = goldenCopy();
    const all = await collect(openStore(copy, {}).list('events/dt=2026-01-05/hour=13/00001'));
    for (const { key } of all) rmSync(join(copy, key));
    await expect(proveEvent(openStore(copy, {}), '01940000-0000-7000-8000-000000000093', trust)).rejects.toMatchObject({
      code: 'not-provable',
      message: expect.stringContaining('00001-001-'),
    });
  });

  test('a log whose newest tile is gone proves nothing under its newest checkpoint, but under the one before', async () => {
    const copy = goldenCopy();
    rmSync(join(copy, 'log/tile/entries/000.p/4'));
    const receipt = await proveEvent(openStore(copy, {}), '01940000-0000-7000-8000-00000000003c', trust);
    expect(verifyReceipt(receipt, trust)).toMatchObject({ holds: true, proven: { checkpoint: { size: 3 } } });
  });

  test('an archive without a log proves nothing, and says so', async () => {
    const copy = goldenCopy();
    rmSync(join(copy, 'log'), { recursive: true });
    await expect(proveEvent(openStore(copy, {}), '01940000-0000-7000-8000-00000000003c', trust)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('the log has no checkpoint'),
    });
  });
});
