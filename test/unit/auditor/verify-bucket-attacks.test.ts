// Attackers with write access to the bucket, and no key: each row of the table, in memory. In a bucket with Object Lock they can add
// versions, markers and objects; in a copy (or a bucket whose locks failed) they can also remove and replace.

import { describe, expect, test } from 'vitest';
import { cloneObjects } from '../../archive-objects.ts';
import { copyAttacks } from '../../attacks/copy.ts';
import { golden } from '../../attacks/golden.ts';
import { segment } from '../../attacks/keys.ts';
import { versionAttacks } from '../../attacks/versions.ts';
import { codes, goldenTrust, verifyObjects } from './verifying.ts';

const trust = goldenTrust(golden);

describe('a copy', () => {
  test.each(copyAttacks)('$name', async ({ play, found, at }) => {
    const { objects } = play();
    const { findings } = await verifyObjects(objects, trust, { hasLocks: false });
    expect(codes(findings)).toEqual(expect.arrayContaining([...found]));
    if (at !== undefined) expect(findings.map(({ object }) => object)).toContain(at);
  });
});

describe('a bucket', () => {
  test.each(versionAttacks)('$name', async ({ play, found, at }) => {
    const { objects } = play();
    const { findings } = await verifyObjects(objects, trust);
    expect([...new Set(codes(findings))]).toEqual([...found].toSorted());
    expect(findings.map(({ object }) => object)).toContain(at);
  });
});

test('a finding names partition, raw offsets and events, and all the rest is still checked', async () => {
  const objects = cloneObjects(golden.objects);
  objects.delete(segment);
  const verdict = await verifyObjects(objects, trust);
  const [missing, ...gaps] = verdict.findings;
  const offsets = { first: 12n, next: 38n };
  expect(missing).toMatchObject({
    code: 'segment-missing',
    partition: 0,
    offsets,
    events: 26,
    period: '2026-01-05T11:00:00Z',
  });
  expect(gaps.map(({ code, producer }) => [code, producer?.instance])).toEqual(
    [0, 1, 2].map(n => ['gap', `billing-${n}`]),
  );
  expect(verdict.counts).toMatchObject({ batches: 4, segments: 16, events: 136 - 26 });
});
