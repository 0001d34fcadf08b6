// Attackers with both keys and the bucket: whoever runs the whole pipeline. They can write any history that holds together; what they
// can't do is take back what a witness has cosigned, or number events in the name of producers who know better.

import { formatVerifierKey } from '../../core/proof/note.ts';
import { latest, putVersion } from '../archive-objects.ts';
import { testKeys, testSigner } from '../test-keys.ts';
import type { Attack, Played } from './attack.ts';
import { sized } from './keys.ts';
import { otherwise, spec, written } from './normalizer.ts';

const stranger = testSigner(testKeys.seal.key.name, 'a stranger');

type Row = Omit<Attack, 'by' | 'needs'>;

/** History as it was not: an event of the second hour is another one, and all behind it is written to match. */
const rewrite = { datums: (datums: readonly Uint8Array[], i: number) => (i === 4 ? datums.map(otherwise) : datums) };
const noWitness = `log ${formatVerifierKey(testKeys.log.key)}\nquorum none\n`;
const shorter = { periods: 3, runs: spec.runs.filter(({ period }) => period < 3) };

function trustless(played: Played): Played {
  return { ...played, trust: { ...played.trust, policyText: noWitness } };
}

const rows: readonly Row[] = [
  {
    name: 'history written anew, without the witness',
    found: ['no-head'],
    play: () => written({ ...rewrite, witnesses: () => [] }),
  },
  {
    name: 'history written anew, under the cosigned checkpoint of the true one',
    found: ['checkpoint-inconsistent'],
    play: () => {
      const { objects, trust } = written({ ...rewrite, witnesses: () => [] });
      const truth = written({}).objects;
      for (const key of ['log/checkpoint', sized(4)]) {
        const { lastModified, ...version } = latest(truth, key);
        objects.set(key, []);
        putVersion(objects, key, version.bytes, {
          ...version,
          ...(lastModified === undefined ? {} : { lastModified }),
        });
      }
      return { objects, trust };
    },
  },
  {
    name: 'history written anew, where the policy asks for no witness',
    found: [],
    only: 'a witness',
    play: () => trustless(written(rewrite)),
  },
  {
    name: 'another history for this auditor than for others, where the policy asks for no witness',
    found: [],
    only: 'a witness',
    play: () => trustless(written({ datums: (datums, i) => (i === 15 ? datums.map(otherwise) : datums) })),
  },
  {
    name: 'the last hour never written, while that is fresh',
    found: [],
    only: 'a witness',
    play: () => trustless(written({}, shorter)),
  },
  {
    name: 'the last hours never written, for longer than an hour may take',
    found: ['stale'],
    play: () => {
      const { objects, trust } = written({}, shorter);
      return { objects, trust: { ...trust, at: trust.at + 4 * 3_600_000 } };
    },
  },
  {
    name: 'numbered events dropped, and the numbers behind them moved up',
    found: [],
    only: "a producer's numbers",
    play: () => written({}, { runs: spec.runs.map((run, i) => (i === 4 ? { ...run, events: 1, skipped: 2 } : run)) }),
  },
  {
    name: 'numbered events dropped, the numbers behind them as they were',
    found: ['gap'],
    play: () => written({ datums: (datums, i) => (i === 4 ? datums.slice(0, -1) : datums) }),
  },
  {
    name: 'seals by a key that the auditor was never given',
    found: ['seal-unsigned'],
    play: () => {
      const { objects, trust } = written({});
      return { objects, trust: { ...trust, sealKeysText: `${formatVerifierKey(stranger.key)}\n` } };
    },
  },
  {
    name: 'locks that end sooner than was promised',
    found: ['retention-short'],
    play: () => {
      const { objects, trust } = written({}, { retention: 400 * 86_400_000 });
      return { objects, trust: { ...trust, minRetention: 500 * 86_400_000 } };
    },
  },
];

export const bothAttacks: readonly Attack[] = rows.map(row => ({ ...row, by: 'both', needs: 'copy' }));
