// Attackers with the normalizer's key, or who work behind its back: seals say what they want. What gives them away is the chain, and the
// producers' numbers; what neither shows is told of each. Archives are written for the purpose, with test keys.

import { signNote } from '../../core/proof/note.ts';
import { type ArchiveSpec, describe, type Hooks, publish, type RunSpec } from '../archive-writer.ts';
import { testKeys, testPolicyText, testSealKeysText, testSigner } from '../test-keys.ts';
import type { Attack } from './attack.ts';

const hour = 3_600_000;
export const spec: ArchiveSpec = {
  partitions: 2,
  periods: 4,
  runs: [0, 1, 2, 3].flatMap(period => [
    { partition: 0, period, events: 3, producer: 'a' },
    { partition: 1, period, events: 2, producer: 'b' },
    { partition: 0, period, events: 2, producer: 'a', closes: period === 3 },
    { partition: 1, period, events: 1, producer: 'b', closes: period === 3 },
  ]),
};

const stranger = testSigner(testKeys.seal.key.name, 'a stranger');

/** A number of producer a's first event. */
const claimed = { producer: { instance: 'a', sequence: 0n, last: false, abandoned: [] } };

interface Row {
  readonly name: string;
  readonly hooks?: Hooks;
  readonly spec?: Partial<ArchiveSpec>;
  readonly found: Attack['found'];
  readonly reported?: Attack['reported'];
  readonly only?: Attack['only'];
}

const rows: readonly Row[] = [
  {
    name: 'a seal by a stranger',
    hooks: { signSeal: (text, i) => signNote(text, i === 4 ? stranger : testKeys.seal) },
    found: ['seal-unsigned'],
  },
  {
    name: "a seal by the archiver's key",
    hooks: { signSeal: (text, i) => signNote(text, i === 4 ? testKeys.log : testKeys.seal) },
    found: ['seal-unsigned'],
  },
  {
    name: 'an event altered after it was sealed',
    hooks: {
      stored: (datums, i) =>
        i === 4
          ? [Uint8Array.from(datums[0] ?? [], (byte, at) => (at === 3 ? byte ^ 1 : byte)), ...datums.slice(1)]
          : datums,
    },
    found: ['run-altered'],
  },
  {
    name: 'events reordered after they were sealed',
    hooks: { stored: (datums, i) => (i === 4 ? datums.toReversed() : datums) },
    found: ['run-altered'],
  },
  {
    name: 'a run left out of the chain',
    hooks: { seal: (seal, i) => (i === 6 ? { ...seal, previous: new Uint8Array(32) } : seal) },
    found: ['chain-broken'],
  },
  {
    name: 'a seal that skips offsets',
    hooks: { seal: (seal, i) => (i === 6 ? { ...seal, first: seal.first + 1n, next: seal.next + 1n } : seal) },
    found: ['chain-broken', 'run-altered'],
  },
  {
    name: 'a seal sealed before the one before it',
    hooks: { seal: (seal, i) => (i === 6 ? { ...seal, sealedAt: seal.sealedAt - 2 * 60_000 } : seal) },
    found: ['chain-broken'],
  },
  {
    name: 'a seal of another topic',
    hooks: { seal: (seal, i) => (i === 6 ? { ...seal, topic: 'other' } : seal) },
    found: ['run-altered'],
  },
  {
    name: 'a seal of another archive',
    hooks: { seal: (seal, i) => (i === 6 ? { ...seal, origin: 'tidemark.test/other' } : seal) },
    found: ['run-altered'],
  },
  {
    name: 'a seal from the future',
    hooks: {
      seal: (seal, i) => (i >= 12 && seal.partition === 0 ? { ...seal, sealedAt: seal.sealedAt + 2 * hour } : seal),
    },
    found: ['future'],
  },
  {
    name: 'raw records that were lost',
    spec: { runs: spec.runs.map((run, i) => (i === 4 ? { ...run, lost: 2 } : run)) },
    found: ['lost'],
  },
  {
    name: 'an event dropped, its offset said to hold no record',
    hooks: { datums: (datums, i) => (i === 4 ? datums.slice(0, -1) : datums) },
    found: ['gap'],
  },
  {
    name: 'a partition that stopped without a word (CloudTrail: silence)',
    spec: { runs: spec.runs.filter(({ partition, period }) => partition === 0 || period === 0) },
    found: ['silent'],
  },
  { name: 'a partition that was never sealed', spec: { partitions: 3 }, found: ['silent'] },
  {
    name: 'more partitions than rows',
    spec: { runs: spec.runs.map((run, i) => (i === 4 ? { ...run, partitions: 5 } : run)) },
    found: ['partitions-fell'],
  },
  {
    name: 'an event altered before it is sealed',
    hooks: { datums: (datums, i) => (i === 4 ? datums.map(otherwise) : datums) },
    found: [],
    only: 'a producer that keeps what it sent',
  },
  {
    name: 'an event invented, without a number',
    spec: { runs: [...spec.runs, { partition: 0, period: 3, events: 1 }] },
    found: [],
    only: 'a producer that keeps what it sent',
  },
  {
    name: 'an event invented, with a number that its producer gave another',
    spec: { runs: [...spec.runs, { partition: 0, period: 3, events: [claimed] }] },
    found: [],
    reported: ['doubled'],
    only: "a producer's numbers",
  },
  {
    name: 'an event that nobody numbered dropped, its offset said to hold no record',
    spec: { runs: spec.runs.map(unnumbered) },
    hooks: { datums: (datums, i) => (i === 4 ? datums.slice(0, -1) : datums) },
    found: [],
    only: 'a producer that keeps what it sent',
  },
  {
    name: 'all events of a producer dropped, their offsets said to hold no record',
    spec: { runs: spec.runs.map(run => (run.partition === 1 ? { ...unnumbered(run), skipped: 2 } : run)) },
    found: [],
    only: "a producer's numbers",
  },
  {
    name: "a producer's last events dropped, and that it ended",
    spec: { runs: spec.runs.map((run, i) => (i >= 14 ? { ...unnumbered(run), skipped: 1 } : run)) },
    found: [],
    only: "a producer's numbers",
  },
  {
    name: 'a loss hidden in a new generation',
    spec: {
      runs: spec.runs.map((run, i) => (i >= 12 && run.partition === 0 ? { ...run, generation: 1 } : run)),
    },
    found: [],
    reported: ['restart'],
    only: "a producer's numbers",
  },
];

/** An event as the producer did not send it: another id. */
export function otherwise(datum: Uint8Array): Uint8Array {
  return Uint8Array.from(datum, (byte, at) => (at === 1 ? byte ^ 1 : byte));
}

function unnumbered({ partition, period, events }: RunSpec): RunSpec {
  return { partition, period, events };
}

/** An archive that is written as the hooks say, and what an auditor knows of it. */
export function written(hooks: Hooks, change: Partial<ArchiveSpec> = {}): ReturnType<Attack['play']> {
  const { objects, end } = publish(describe({ ...spec, ...change }), hooks);
  return { objects, trust: { policyText: testPolicyText, sealKeysText: testSealKeysText, at: end + 60_000 } };
}

export const normalizerAttacks: readonly Attack[] = rows.map(({ hooks, spec: change, ...row }) => ({
  ...row,
  by: 'normalizer',
  needs: 'copy',
  play: () => written(hooks ?? {}, change),
}));
