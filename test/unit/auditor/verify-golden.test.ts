// The golden archive is intact, with exactly its reports; and every byte of its evidence counts.

import { expect, test } from 'vitest';
import { alter, cloneObjects, flip, latest, loadGolden, type Objects } from '../../archive-objects.ts';
import { codes, goldenReports, goldenTrust, verifyObjects } from './verifying.ts';

const golden = loadGolden();
const trust = goldenTrust(golden);

test.each([
  ['a bucket', true],
  ['a copy in a folder', false],
])('the golden archive in %s is intact with exactly its reports', async (_, hasLocks) => {
  const verdict = await verifyObjects(golden.objects, trust, { hasLocks });
  expect(verdict.findings).toEqual([]);
  expect(codes(verdict.reports)).toEqual(goldenReports);
  expect(verdict.counts).toMatchObject({ events: 136, expiredSegments: 1, expiredEvents: 12, batches: 4 });
  const gone = verdict.reports
    .filter(({ producer }) => producer)
    .map(({ producer }) => [producer?.instance, producer?.first, producer?.last]);
  expect(gone).toEqual(['billing-0', 'billing-1', 'billing-2'].map(instance => [instance, 0n, 3n]));
  expect(verdict.reports.find(({ code }) => code === 'restart')).toMatchObject({
    partition: 1,
    generation: 1,
    events: 31,
  });
  expect(verdict.reports.find(({ code }) => code === 'late')).toMatchObject({
    partition: 2,
    offsets: { first: 211n, next: 214n },
  });
});

test('the golden archive is stale two periods and an hour after its end, and not a moment sooner', async () => {
  const at = Date.parse('2026-01-05T17:00:00Z');
  expect((await verifyObjects(golden.objects, { ...trust, at })).findings).toEqual([]);
  expect(codes((await verifyObjects(golden.objects, { ...trust, at: at + 1000 })).findings)).toEqual(['stale']);
});

/** Bytes of a witness's signature line may change: one valid signature by the log is enough, the others are ignored. */
function isIgnored(objects: Objects, key: string, index: number): boolean {
  if (!key.startsWith('log/checkpoint')) return false;
  const text = Buffer.from(latest(objects, key).bytes);
  return index >= text.indexOf('— witness');
}

test('any flipped bit of any object in a copy is found', async () => {
  const missed: string[] = [];
  for (const key of golden.objects.keys()) {
    const { length } = latest(golden.objects, key).bytes;
    const step = Math.max(1, Math.floor(length / 12));
    for (let index = 0; index < length; index += step) {
      if (isIgnored(golden.objects, key, index)) continue;
      const objects = cloneObjects(golden.objects);
      flip(objects, key, index);
      const { findings } = await verifyObjects(objects, trust, { hasLocks: false });
      const located =
        findings.some(({ object }) => object === key) || findings.some(({ code }) => code === 'archive-differs');
      if (!located) missed.push(`${key} byte ${index}: ${codes(findings)}`);
    }
  }
  expect(missed).toEqual([]);
}, 120_000);

test('any object cut short or emptied in a copy is found', async () => {
  const missed: string[] = [];
  for (const key of golden.objects.keys()) {
    const { bytes } = latest(golden.objects, key);
    for (const length of [0, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const objects = cloneObjects(golden.objects);
      alter(objects, key, { bytes: bytes.subarray(0, length) });
      const { findings } = await verifyObjects(objects, trust, { hasLocks: false });
      if (!findings.some(({ object }) => object === key)) missed.push(`${key} cut to ${length}: ${codes(findings)}`);
    }
  }
  expect(missed).toEqual([]);
}, 60_000);
