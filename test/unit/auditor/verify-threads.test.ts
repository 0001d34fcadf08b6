// What `verify` finds does not depend on how many threads open segments; and a thread that fails is an error, never a verdict.

import { expect, test } from 'vitest';
import { SegmentPool } from '../../../auditor/verify/segment-pool.ts';
import { nodeDecompress } from '../../../core/edge/compression.ts';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { parseKeyFile } from '../../../core/proof/keys.ts';
import { cloneObjects, flip, loadGolden, type Objects, putVersion } from '../../archive-objects.ts';
import { testSealKeysText } from '../../test-keys.ts';
import { goldenTrust, verifyObjects } from './verifying.ts';

const golden = loadGolden();
const trust = goldenTrust(golden);
const segments = [...golden.objects.keys()].filter(key => key.startsWith('events/'));

const each = (change: (key: string) => void): void => {
  for (const key of segments) change(key);
};

const archives: readonly (readonly [string, (objects: Objects) => void])[] = [
  ['as it was written', () => {}],
  ['with every segment altered', objects => each(key => flip(objects, key, -40))],
  ['with a segment gone', objects => objects.delete(segments[1] ?? '')],
  ['with something put over each segment', objects => each(key => putVersion(objects, key, new Uint8Array(9)))],
  ['with a manifest gone', objects => objects.delete('batches/2026/01/05/20260105T120000Z.note')],
];

test.each(archives)('the golden archive %s', async (_, alter) => {
  const objects = cloneObjects(golden.objects);
  alter(objects);
  const alone = await verifyObjects(objects, trust);
  expect(await verifyObjects(objects, { ...trust, workers: 2, threadsFrom: 0 })).toEqual(alone);
});

const sealTrust = { origin: 'any', sealKeys: parseKeyFile(nodeCrypto, testSealKeysText), durationMs: 3_600_000 };
const options = { crypto: nodeCrypto, decompress: nodeDecompress, workers: 2, threadsFrom: 0 };

test.each([
  [
    'throws',
    'import { parentPort } from "node:worker_threads"; parentPort.on("message", () => { throw new Error("broken"); })',
  ],
  ['ends', 'process.exit(0)'],
  ['can not start', 'this is no script'],
])('a thread that %s ends the verification with an error', async (_, script) => {
  const pool = new SegmentPool(options, sealTrust, new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  await expect(pool.read(new Uint8Array(3), null)).rejects.toMatchObject({ code: 'unavailable' });
  await pool.close();
});
