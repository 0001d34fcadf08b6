// The alteration table on a real server: what only versions, markers and locks show, and some of the rest. `npm run attacks` plays all of
// it, on two kinds of servers.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { differenceOf, openServer } from '../attacks/stores.ts';
import { attacks } from '../attacks/table.ts';
import { stackEnv } from '../stack.ts';

const everyEighth = (n: number): boolean => n % 8 === 0;

test('verify says of attacked archives in a bucket what the table says', async () => {
  const server = await openServer(stackEnv(), `attacks-${randomUUID().slice(0, 13)}`);
  const chosen = attacks.filter(({ needs }, n) => needs === 'versions' || everyEighth(n));
  const differences: string[] = [];
  for (const [n, attack] of chosen.entries()) {
    const difference = differenceOf(attack, await server.verify(attack.play(), `attack-${n}`));
    if (difference !== null) differences.push(`${attack.name}: ${difference}`);
  }
  server.close();
  expect(differences).toEqual([]);
  expect(chosen.length).toBeGreaterThanOrEqual(25);
}, 120_000);
