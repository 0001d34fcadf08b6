// Attackers who hold a key: the archiver's (manifests, log), the normalizer's (seals), or both. What they write is signed; what gives
// them away is what the other key, the chain, the witness or the producers' numbers say. Where nothing does, the table says who could.

import { describe, expect, test } from 'vitest';
import { relog } from '../../archive-relog.ts';
import { archiverAttacks } from '../../attacks/archiver.ts';
import type { Attack } from '../../attacks/attack.ts';
import { bothAttacks } from '../../attacks/both.ts';
import { golden } from '../../attacks/golden.ts';
import { normalizerAttacks, written } from '../../attacks/normalizer.ts';
import { codes, goldenReports, goldenTrust, verifyObjects } from './verifying.ts';

async function check({ play, found, reported = [], only }: Attack, hasLocks: boolean): Promise<void> {
  const { objects, trust } = play();
  const { findings, reports } = await verifyObjects(objects, trust, { hasLocks });
  if (found.length === 0) expect(findings).toEqual([]);
  expect(codes(findings)).toEqual(expect.arrayContaining([...found]));
  expect(codes(reports)).toEqual(expect.arrayContaining([...reported]));
  // Who could tell is said of what is not found, and of that alone.
  expect(only === undefined).toBe(found.length > 0);
}

describe("with the archiver's key", () => {
  test('what it writes truly, with a key that the policy names, is intact', async () => {
    const { objects, policyText } = relog(golden.objects);
    const verdict = await verifyObjects(objects, { ...goldenTrust(golden), policyText });
    expect(verdict.findings).toEqual([]);
    expect(codes(verdict.reports)).toEqual(goldenReports);
  });

  test.each(archiverAttacks)('$name', attack => check(attack, false));
});

describe("with the normalizer's key, or behind its back", () => {
  test('what is written truly is intact, without a report', async () => {
    const { objects, trust } = written({});
    const verdict = await verifyObjects(objects, trust);
    expect(verdict.findings).toEqual([]);
    expect(verdict.reports).toEqual([]);
  });

  test.each(normalizerAttacks)('$name', attack => check(attack, true));
});

describe('with both keys', () => {
  test.each(bothAttacks)('$name', attack => check(attack, true));
});
