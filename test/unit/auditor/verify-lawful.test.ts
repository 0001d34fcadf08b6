// Normal life that a verifier must not cry wolf at (invariant 4): each is intact, with exactly the reports that it deserves.

import { describe, expect, test } from 'vitest';
import { formatVerifierKey, parseNote, signNote } from '../../../core/proof/note.ts';
import {
  cloneObjects,
  hide,
  latest,
  loadGolden,
  type MemoryStoreOptions,
  type Objects,
  putVersion,
} from '../../archive-objects.ts';
import { type ArchiveSpec, describe as describeArchive, type Hooks, publish } from '../../archive-writer.ts';
import { testKeys, testOrigin, testPolicyText, testSealKeysText, testSigner, testWitness } from '../../test-keys.ts';
import { codes, goldenReports, goldenTrust, type Trusted, verifyObjects } from './verifying.ts';

const golden = loadGolden();
const hour = 3_600_000;
const first = Date.parse('2026-01-05T10:00:00Z');
const sized = (size: number) => `log/checkpoints/${String(size).padStart(20, '0')}`;

const runs: ArchiveSpec['runs'] = [0, 1, 2].flatMap(period => [
  { partition: 0, period, events: 2, producer: 'a', closes: period === 2 },
  { partition: 1, period, events: 1 },
]);

interface Lawful {
  readonly name: string;
  readonly spec?: Partial<ArchiveSpec>;
  readonly hooks?: Hooks;
  readonly play?: (objects: Objects) => void;
  readonly trust?: Partial<Trusted>;
  readonly options?: MemoryStoreOptions;
  readonly reports: readonly string[];
}

const second = testSigner(`${testOrigin}/normalizer`, 'second');
const twoKeys = `${testSealKeysText.trim()} 2026-01-05T10:00:00Z 2026-01-05T10:00:00Z\n# the next\n${formatVerifierKey(second.key)} 2026-01-05T11:00:00Z\n`;

const situations: readonly Lawful[] = [
  { name: 'nothing but empty hours', spec: { periods: 2, partitions: 2, runs: [] }, reports: [] },
  {
    name: 'an archive whose first hour is not over',
    spec: { periods: 0, runs: [{ partition: 0, period: 0, events: 3, listedIn: null, partitions: 2 }] },
    trust: { at: first + 30 * 60_000 },
    reports: ['no-head-yet', 'pending'],
  },
  {
    name: 'segments of an hour that is not sealed yet, also of a partition without a row',
    spec: {
      runs: [
        ...runs,
        { partition: 0, period: 3, events: 2, listedIn: null },
        { partition: 2, period: 3, events: 1, listedIn: null, partitions: 3 },
      ],
    },
    reports: ['pending', 'pending'],
  },
  {
    name: 'a segment that came too late for its hour',
    spec: { runs: runs.map((run, i) => (i === 2 ? { ...run, listedIn: 2 } : run)) },
    reports: ['late'],
  },
  { name: 'a checkpoint one size behind', hooks: { checkpointAt: 2 }, reports: ['pending'] },
  {
    name: 'a log that the witness has not seen to its end',
    hooks: { witnesses: size => (size < 3 ? [testKeys.witness] : []) },
    reports: ['unwitnessed'],
  },
  {
    name: 'cosignatures of another witness beside',
    hooks: { witnesses: () => [testWitness('witness.test/w2'), testKeys.witness] },
    reports: [],
  },
  {
    name: 'a cosignature that came later, as a further version',
    hooks: { witnesses: () => [] },
    play: o => {
      const seen = publish(describeArchive({ partitions: 2, periods: 3, runs })).objects;
      putVersion(o, 'log/checkpoint', latest(seen, 'log/checkpoint').bytes);
      putVersion(o, sized(3), latest(seen, sized(3)).bytes);
    },
    reports: [],
  },
  {
    name: 'outgrown checkpoints and partial tiles that are gone',
    play: o => {
      for (const key of [sized(1), sized(2), 'log/tile/0/000.p/1', 'log/tile/entries/000.p/2']) o.delete(key);
    },
    reports: [],
  },
  {
    name: 'the same bytes put once more',
    play: o => {
      const key = 'archive.json';
      putVersion(o, key, latest(o, key).bytes);
    },
    reports: ['same-bytes'],
  },
  { name: 'notes under aside/', play: o => putVersion(o, 'aside/probe', new Uint8Array(3)), reports: [] },
  {
    name: 'a raw topic that began anew',
    spec: { runs: [...runs, { partition: 1, period: 2, events: 1, generation: 1, first: 7n }] },
    reports: ['restart'],
  },
  {
    name: 'a partition that the newest generation no longer has',
    spec: {
      periods: 6,
      runs: [
        ...runs,
        ...[2, 3, 4, 5].map(period => ({
          partition: 0,
          period,
          events: 1,
          generation: 1,
          partitions: 1,
          ...(period === 2 ? { first: 0n } : {}),
        })),
      ],
    },
    trust: { at: first + 6 * hour },
    reports: ['restart'],
  },
  {
    name: 'a silence after which the chain goes on',
    spec: {
      periods: 6,
      partitions: 1,
      runs: [
        { partition: 0, period: 0, events: 1 },
        { partition: 0, period: 5, events: 1 },
      ],
    },
    trust: { at: first + 6 * hour },
    reports: ['silence'],
  },
  {
    name: 'a producer that gave numbers up and said so',
    spec: { runs: runs.map(({ producer: _, ...run }, i) => (i % 2 === 0 ? { ...run, events: sent(i / 2) } : run)) },
    reports: ['abandoned'],
  },
  {
    name: 'an event sent twice',
    spec: {
      runs: [
        ...runs,
        {
          partition: 1,
          period: 2,
          events: [{ id: '0-0-0', producer: { instance: 'a', sequence: 0n, last: false, abandoned: [] } }],
        },
      ],
    },
    reports: ['doubled'],
  },
  {
    name: 'numbers that may still be on the way',
    spec: {
      runs: [
        ...runs,
        { partition: 1, period: 2, events: [{ producer: { instance: 'c', sequence: 9n, last: true, abandoned: [] } }] },
      ],
    },
    reports: ['open'],
  },
  {
    name: 'an instance that was killed long ago',
    spec: {
      periods: 4,
      runs: [
        ...runs.map(({ closes: _, ...run }) =>
          run.period === 0 ? run : { partition: run.partition, period: run.period, events: 1 },
        ),
        { partition: 0, period: 3, events: 1 },
        { partition: 1, period: 3, events: 1 },
      ],
    },
    trust: { at: first + 4 * hour },
    reports: ['unclosed'],
  },
];

function sent(
  period: number,
): { producer: { instance: string; sequence: bigint; last: boolean; abandoned: { first: bigint; last: bigint }[] } }[] {
  const numbers =
    [
      [0n, 1n],
      [4n, 5n],
      [6n, 7n],
    ][period] ?? [];
  return numbers.map(sequence => ({
    producer: {
      instance: 'a',
      sequence,
      last: sequence === 7n,
      abandoned: sequence === 4n ? [{ first: 2n, last: 3n }] : [],
    },
  }));
}

describe('lawful situations', () => {
  test.each(situations)('$name', async ({ spec, hooks, play, trust, options, reports }) => {
    const { objects, end } = publish(describeArchive({ partitions: 2, periods: 3, runs, ...spec }), hooks);
    play?.(objects);
    const verdict = await verifyObjects(
      objects,
      { policyText: testPolicyText, sealKeysText: testSealKeysText, at: end + 60_000, ...trust },
      options,
    );
    expect(verdict.findings).toEqual([]);
    expect(codes(verdict.reports)).toEqual([...reports].toSorted());
  });

  test('an expired segment that a lifecycle rule deleted leaves a marker behind, and no finding', async () => {
    const retention = 2 * hour;
    const { objects, segments, end } = publish(describeArchive({ partitions: 2, periods: 3, runs, retention }));
    const [gone] = segments;
    const at = end + 5 * 60_000;
    if (!gone) throw new Error('no segment');
    hide(objects, gone.key);
    objects.set(
      gone.key,
      (objects.get(gone.key) ?? [])
        .filter(({ isDeleteMarker }) => isDeleteMarker)
        .map(marker => ({ ...marker, lastModified: Date.parse(gone.listed.retainUntil) + 1000 })),
    );
    const verdict = await verifyObjects(objects, {
      policyText: testPolicyText,
      sealKeysText: testSealKeysText,
      at,
      minRetention: retention,
    });
    expect(verdict.findings).toEqual([]);
    expect(codes(verdict.reports)).toEqual(['expired', 'open']);
  });

  test('a copy of the golden archive without locks, checked at another place (CloudTrail: copies could not be)', async () => {
    const verdict = await verifyObjects(cloneObjects(golden.objects), goldenTrust(golden), { hasLocks: false });
    expect(codes(verdict.reports)).toEqual(goldenReports);
    expect(verdict.notes.join()).toContain('without versions and locks');
  });

  test('only a part is opened with --from and --to, and said so', async () => {
    const from = Date.parse('2026-01-05T12:00:00Z');
    const verdict = await verifyObjects(golden.objects, { ...goldenTrust(golden), from });
    expect(verdict.findings).toEqual([]);
    expect(verdict.counts.events).toBe(70);
    expect(verdict.notes.join()).toContain('--from');
  });

  test('a writer that goes on while the archive is read', async () => {
    const whole = publish(describeArchive({ partitions: 2, periods: 3, runs })).objects;
    const part = publish(
      describeArchive({ partitions: 2, periods: 2, runs: runs.filter(({ period }) => period < 2) }),
    ).objects;
    const objects = cloneObjects(part);
    let reads = 0;
    const onRead = () => {
      if (++reads !== 3) return;
      for (const [key, versions] of whole) objects.set(key, versions);
    };
    const trusted = { policyText: testPolicyText, sealKeysText: testSealKeysText, at: first + 3 * hour + 60_000 };
    const verdict = await verifyObjects(objects, trusted, { onRead });
    expect(verdict.findings).toEqual([]);
  });
});

/** Takes the log's last entry back: what a sealer leaves that died behind the manifest, or (`withTiles`) behind the tiles. */
function withoutLastEntry(objects: Objects, withTiles: boolean): void {
  objects.delete(sized(3));
  objects.get('log/checkpoint')?.pop();
  if (withTiles) return;
  objects.delete('log/tile/0/000.p/3');
  objects.delete('log/tile/entries/000.p/3');
}

describe('a manifest behind the log', () => {
  const trusted = { policyText: testPolicyText, sealKeysText: testSealKeysText, at: first + 3 * hour + 60_000 };

  test.each([
    [false, ['pending', 'pending', 'pending']],
    [true, ['pending', 'pending', 'pending', 'pending', 'pending']],
  ])('is lawful, also with its tiles (%s)', async (withTiles, reports) => {
    const { objects } = publish(describeArchive({ partitions: 2, periods: 3, runs }));
    withoutLastEntry(objects, withTiles);
    const verdict = await verifyObjects(objects, trusted);
    expect(verdict.findings).toEqual([]);
    expect(codes(verdict.reports)).toEqual(reports);
    expect(verdict.counts).toMatchObject({ batches: 2, pendingSegments: 2 });
  });

  test('lists under signature: a segment of it that is missing is found', async () => {
    const { objects, segments } = publish(describeArchive({ partitions: 2, periods: 3, runs }));
    withoutLastEntry(objects, false);
    const gone = segments.find(({ listedIn }) => listedIn === 2)?.key ?? '';
    objects.delete(gone);
    const { findings } = await verifyObjects(objects, trusted);
    expect(findings).toMatchObject([{ code: 'segment-missing', object: gone }]);
  });

  test('is held against what it lists', async () => {
    const { objects } = publish(describeArchive({ partitions: 2, periods: 3, runs }), {
      row: (row, k) => (k === 2 ? { ...row, skipped: row.skipped + 1 } : row),
    });
    withoutLastEntry(objects, false);
    expect(codes((await verifyObjects(objects, trusted)).findings)).toContain('manifest-differs');
  });

  test('of a period that has not ended is of the future', async () => {
    const { objects } = publish(describeArchive({ partitions: 2, periods: 3, runs }));
    withoutLastEntry(objects, false);
    const { findings } = await verifyObjects(objects, { ...trusted, at: first + 2.5 * hour });
    expect(codes(findings)).toEqual(['future']);
  });
});

test('a pending segment under the key of another hour is misplaced', async () => {
  const pending = { partition: 0, period: 3, events: 2, listedIn: null };
  const { objects, segments, end } = publish(describeArchive({ partitions: 2, periods: 3, runs: [...runs, pending] }));
  const key = segments.at(-1)?.key ?? '';
  objects.set(key.replace('hour=13', 'hour=14'), objects.get(key) ?? []);
  objects.delete(key);
  const trusted = { policyText: testPolicyText, sealKeysText: testSealKeysText, at: end + 60_000 };
  expect(codes((await verifyObjects(objects, trusted)).findings)).toEqual(['segment-misplaced']);
});

test('numbers that an earlier event gave up are no excuse for a later gap', async () => {
  const event = (sequence: bigint, abandoned: { first: bigint; last: bigint }[] = []) => ({
    producer: { instance: 'x', sequence, last: false, abandoned },
  });
  const gap = [
    { partition: 0, period: 0, events: [event(0n, [{ first: 1n, last: 9n }]), event(5n)] },
    ...[1, 2, 3].map(period => ({ partition: 0, period, events: 1 })),
  ];
  const { objects, end } = publish(describeArchive({ partitions: 1, periods: 4, runs: gap }));
  const { findings } = await verifyObjects(objects, {
    policyText: testPolicyText,
    sealKeysText: testSealKeysText,
    at: end,
  });
  expect(findings).toMatchObject([{ code: 'gap', producer: { instance: 'x', first: 1n, last: 4n } }]);
});

describe('keys', () => {
  const rotated = () => {
    const spec = describeArchive({ partitions: 2, periods: 3, runs });
    const by = (index: number) => ((spec.runs[index]?.period ?? 0) === 0 ? testKeys.seal : second);
    return publish(spec, { signSeal: (text, index) => signNote(text, by(index)) });
  };

  test("the normalizer's key rotated at the edge of an hour (CloudTrail: failure there)", async () => {
    const { objects, end } = rotated();
    const verdict = await verifyObjects(objects, { policyText: testPolicyText, sealKeysText: twoKeys, at: end });
    expect(verdict.findings).toEqual([]);
  });

  test('a seal by a key outside its periods', async () => {
    const { objects, end } = publish(describeArchive({ partitions: 2, periods: 3, runs }));
    const verdict = await verifyObjects(objects, { policyText: testPolicyText, sealKeysText: twoKeys, at: end });
    expect(codes(verdict.findings)).toEqual(Array.from({ length: 4 }, () => 'key-outside-periods'));
  });

  test('a manifest and a checkpoint by a log key outside its periods', async () => {
    const { objects, end } = publish(describeArchive({ partitions: 2, periods: 3, runs }));
    const logKeysText = `${formatVerifierKey(testKeys.log.key)} 2026-01-05T10:00:00Z 2026-01-05T11:00:00Z`;
    const verdict = await verifyObjects(objects, {
      policyText: testPolicyText,
      sealKeysText: testSealKeysText,
      logKeysText,
      at: end,
    });
    expect(new Set(verdict.findings.map(({ code, object }) => `${code} ${object}`))).toEqual(
      new Set([
        `key-outside-periods batches/2026/01/05/20260105T120000Z.note`,
        `key-outside-periods ${sized(3)}`,
        'key-outside-periods log/checkpoint',
      ]),
    );
  });

  test('no key of this archive: it could not be checked', async () => {
    const { objects, end } = publish(describeArchive({ partitions: 2, periods: 3, runs }));
    const { sealKeysText } = goldenTrust(golden);
    await expect(verifyObjects(objects, { policyText: testPolicyText, sealKeysText, at: end })).rejects.toMatchObject({
      code: 'no-keys',
    });
    await expect(verifyObjects(objects, { ...goldenTrust(golden), at: end })).rejects.toMatchObject({
      code: 'no-keys',
    });
    expect(parseNote(latest(objects, 'log/checkpoint').bytes).signatures).toHaveLength(2);
  });
});
