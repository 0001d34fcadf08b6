// Runs and their seals: each accounts for all its raw offsets and joins the one before, however records, markers and losses fall.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitRun } from '../../../consumers/normalizer/output.ts';
import { type Chain, RunBuilder, type SealedRun, VALUE_ROOM } from '../../../consumers/normalizer/run.ts';
import { generatePem, nodeCrypto, signerFromPem } from '../../../core/edge/crypto.ts';
import { type ChainEnd, chainStart, joinSeal } from '../../../core/proof/chain.ts';
import { leafHash, treeRoot } from '../../../core/proof/merkle.ts';
import { openNote } from '../../../core/proof/note.ts';
import { parseSeal } from '../../../core/proof/seal.ts';

const chain: Chain = {
  origin: 'test.example/runs',
  topic: 'audit.raw',
  generation: 0,
  partition: 1,
  partitions: 2,
  schemaId: 300,
  schemaText: '"bytes"',
};
const roomAnd = (datum: Uint8Array): Buffer => Buffer.concat([Buffer.alloc(VALUE_ROOM, 7), datum]);
const signer = signerFromPem('test.example/runs/normalizer', generatePem());
const step = fc.oneof(
  fc.record({ kind: fc.constant('event' as const), datum: fc.uint8Array({ maxLength: 20 }) }),
  fc.record({ kind: fc.constantFrom('skip' as const, 'lose' as const), count: fc.bigInt(1n, 5n) }),
);

test('runs of any records chain, and each seal adds up', () => {
  fc.assert(
    fc.property(
      fc.bigInt(0n, 2n ** 60n),
      fc.array(fc.array(step, { maxLength: 8 })),
      fc.array(fc.nat()),
      (first, runs, clock) => {
        let end: ChainEnd = chainStart;
        let next = first;
        for (const [index, steps] of runs.entries()) {
          const builder = new RunBuilder(nodeCrypto.sha256, chain, next);
          const datums: Buffer[] = [];
          for (const one of [...steps, { kind: 'event' as const, datum: new Uint8Array([1]) }]) {
            if (one.kind === 'event') {
              datums.push(Buffer.from(one.datum));
              builder.add({ key: null, value: roomAnd(one.datum) });
            } else builder[one.kind](one.count);
          }
          const sealed = builder.seal(end, clock[index] ?? 0, signer);
          const seal = parseSeal(openNote(nodeCrypto, sealed.note, [signer.key]).text);
          expect(seal).toEqual({
            ...sealed.seal,
            root: new Uint8Array(seal.root),
            previous: new Uint8Array(seal.previous),
          });
          expect(joinSeal(nodeCrypto.sha256, end, seal)).toEqual({ joins: true, restart: false });
          const leaves = datums.map(datum => leafHash(nodeCrypto.sha256, datum));
          expect(Buffer.from(seal.root)).toEqual(Buffer.from(treeRoot(nodeCrypto.sha256, leaves)));
          expect(seal).toMatchObject({ first: next, next: builder.next, events: datums.length });
          expect(seal.sealedAt).toBeGreaterThanOrEqual(end.sealedAt);
          end = sealed.end;
          next = seal.next;
        }
      },
    ),
    { numRuns: 100 },
  );
});

function sealedRun(sizes: number[]): SealedRun {
  const builder = new RunBuilder(nodeCrypto.sha256, chain, 0n);
  for (const size of sizes) builder.add({ key: Buffer.from('k'), value: roomAnd(Buffer.alloc(size)) });
  return builder.seal(chainStart, 0, signer);
}

test('a run is sent in batches below the limit, its last record alone carries the seal', () => {
  const run = sealedRun([100, 500_000, 500_000, 100, 899_000, 2_000_000, 10]);
  const batches = [...splitRun(run)];
  expect(batches.map(({ events, large }) => [events.length, large])).toEqual([
    [2, false],
    [2, false],
    [1, false],
    [1, true],
    [1, false],
  ]);
  expect(batches.map(({ note }) => note)).toEqual([null, null, null, null, run.note]);
  const events = batches.flatMap(batch => batch.events);
  expect(events).toEqual(run.events);
  expect(events[0]?.value.subarray(0, 5)).toEqual(Buffer.from([0, 0, 0, 1, 44]));
});
