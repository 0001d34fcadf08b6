// The archiver's decisions, one by one, without a bucket or a topic.

import { describe, expect, test } from 'vitest';
import { ClaimedChain, compareSeals } from '../../../consumers/archiver/chain-place.ts';
import { readConfig } from '../../../consumers/archiver/config.ts';
import { dueAt, nextSegment, type PendingRun } from '../../../consumers/archiver/cut.ts';
import { extensionOf, lockIntervalMs } from '../../../consumers/archiver/lock-keeper.ts';
import { formatProgress, parseProgress } from '../../../consumers/archiver/progress.ts';
import { generalLockMs } from '../../../consumers/archiver/sealer.ts';
import { maySeal, staggerMs, timeLimitMs } from '../../../consumers/archiver/sealing-time.ts';
import { RunAssembler, type TopicRecord } from '../../../consumers/archiver/topic-run.ts';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { delayBefore } from '../../../core/edge/s3/retry.ts';
import { failureOf } from '../../../core/edge/s3/s3-client.ts';
import { SettingsError } from '../../../core/edge/settings.ts';
import { type ChainEnd, chainAfter, chainStart } from '../../../core/proof/chain.ts';
import { SEAL_HEADER } from '../../../core/proof/seal.ts';
import { parseSealNote } from '../../../core/proof/segment.ts';
import { type MadeRun, makeRun } from '../../integration/archiver-writer.ts';
import { period, start } from './world.ts';

const { sha256 } = nodeCrypto;
const sealedOf = (run: MadeRun) => parseSealNote(sha256, run.note);

function chain(...runs: readonly Parameters<typeof makeRun>[1][]): MadeRun[] {
  let end: ChainEnd = chainStart;
  return runs.map(how => {
    const run = makeRun(end, how);
    end = chainAfter(run.seal, run.hash);
    return run;
  });
}

function pendingOf(runs: readonly MadeRun[], bytes = 100): PendingRun[] {
  return runs.map(run => ({
    run: {
      sealed: sealedOf(run),
      sealNote: run.note,
      datums: run.datums,
      schemaId: 1,
      bytes,
      firstOffset: 0n,
      nextOffset: 1n,
    },
    schemaText: '',
    takenAt: start + 1000,
  }));
}

describe('where a segment ends', () => {
  const rules = { duration: period, maxBytes: 1000, maxAgeMs: 5000 };
  const at = (ms: number, how = {}) => ({ events: 1, sealedAt: start + ms, ...how });

  test('with the period, whatever stands behind', () => {
    const pending = pendingOf(chain(at(1000), at(9999), at(10_000), at(11_000)));
    expect(nextSegment(pending, rules)).toEqual({ count: 2, full: true });
  });
  test('with the generation', () => {
    const pending = pendingOf(chain(at(1000), at(2000, { generation: 1, first: 0n })));
    expect(nextSegment(pending, rules)).toEqual({ count: 1, full: true });
  });
  test('with the schema', () => {
    const [a, b] = pendingOf(chain(at(1000), at(2000)));
    if (!a || !b) throw new Error('no runs');
    const other = { ...b, run: { ...b.run, sealed: { ...b.run.sealed, seal: { ...b.run.sealed.seal, schema: 'x' } } } };
    expect(nextSegment([a, other], rules)).toEqual({ count: 1, full: true });
  });
  test('at its size, which one run alone may exceed', () => {
    const runs = chain(at(1), at(2), at(3));
    expect(nextSegment(pendingOf(runs, 400), rules)).toEqual({ count: 2, full: true });
    expect(nextSegment(pendingOf(runs.slice(0, 2), 400), rules)).toEqual({ count: 2, full: false });
    expect(nextSegment(pendingOf(runs.slice(0, 2), 500), rules)).toEqual({ count: 2, full: true });
    expect(nextSegment(pendingOf(runs.slice(0, 1), 9000), rules)).toEqual({ count: 1, full: true });
  });
  test('at its age, and soon after the period', () => {
    expect(dueAt([], rules)).toBeNull();
    expect(dueAt(pendingOf(chain(at(1000))), rules)).toBe(start + 6000);
    expect(dueAt(pendingOf(chain(at(1000))), { ...rules, maxAgeMs: 60_000 })).toBe(start + 11_000);
    // A straggler of a period that is over does not wait for long, nor is it alone at once.
    expect(dueAt(pendingOf(chain(at(-15_000))), { ...rules, maxAgeMs: 60_000 })).toBe(start + 2000);
  });
});

describe('where a run stands to the bucket', () => {
  const [a, b, c, d] = chain(...[1, 2, 3, 4].map(n => ({ events: 2, sealedAt: start + n }))).map(sealedOf);
  if (!a || !b || !c || !d) throw new Error('no runs');
  const claimed = new ClaimedChain(sha256, { listed: chainAfter(a.seal, a.hash), seals: [b, c] });
  const fork = (end: ChainEnd) => sealedOf(makeRun(end, { events: 1, sealedAt: start + 9 }));

  test.each([
    ['the next one', d, 'joins'],
    ['one that is claimed', b, 'archived'],
    ['the last listed one', a, 'archived'],
    ['another behind a claimed one', fork(chainAfter(b.seal, b.hash)), 'refutes'],
    ['another behind the listed one', fork(chainAfter(a.seal, a.hash)), 'refutes'],
    ['an old one that we do not know', fork(chainStart), 'below'],
    ['one that names a seal we do not have', fork({ ...chainAfter(d.seal, d.hash) }), 'apart'],
  ])('%s', (_, run, kind) => expect(claimed.place(run).kind).toBe(kind));

  test('a segment within, beyond, or otherwise than what is pending', () => {
    expect(compareSeals([a], [a, b])).toBe('within');
    expect(compareSeals([a, b], [a, b])).toBe('within');
    expect(compareSeals([a, b, c], [a, b])).toBe('beyond');
    expect(compareSeals([a, c], [a, b])).toBe('differs');
  });
});

describe('records become runs', () => {
  const [run] = chain({ events: 3, sealedAt: start });
  if (!run) throw new Error('no run');
  const records = run.datums.map((datum, index): TopicRecord => {
    const headers = index === 2 ? ([[SEAL_HEADER, run.note]] as const) : [];
    return { offset: BigInt(10 + index), value: Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), datum]), headers };
  });
  const take = (given: readonly TopicRecord[]) => {
    const assembler = new RunAssembler(sha256);
    return { items: given.flatMap(record => assembler.push(record)), assembler };
  };

  test('as many as the seal counts', () => {
    const { items, assembler } = take(records);
    expect(items).toMatchObject([{ kind: 'run', run: { schemaId: 9, firstOffset: 10n, nextOffset: 13n } }]);
    expect(assembler.waitingFrom).toBeNull();
    expect(take(records.slice(0, 2)).assembler.waitingFrom).toBe(10n);
  });
  test('those before are torn', () => {
    const stray = { offset: 9n, value: Buffer.from([0, 0, 0, 0, 9, 1]), headers: [] };
    const { items } = take([stray, ...records]);
    expect(items).toMatchObject([{ kind: 'torn', firstOffset: 9n, nextOffset: 10n }, { kind: 'run' }]);
  });
  test('too few, two seals, or none that can be read: torn', () => {
    expect(take(records.slice(1)).items).toMatchObject([{ kind: 'torn' }]);
    const [last] = records.slice(-1);
    if (!last) throw new Error('no record');
    expect(take([{ ...last, headers: [...last.headers, ...last.headers] }]).items).toMatchObject([{ kind: 'torn' }]);
    expect(take([{ ...last, headers: [[SEAL_HEADER, Buffer.from('x')]] }]).items).toMatchObject([{ kind: 'torn' }]);
  });
  test('of two schemas, or without a prefix: no schema', () => {
    const [first, ...rest] = records;
    if (!first?.value) throw new Error('no record');
    const other = Buffer.from(first.value);
    other[4] = 8;
    expect(take([{ ...first, value: other }, ...rest]).items).toMatchObject([{ run: { schemaId: null } }]);
    expect(take([{ ...first, value: null }, ...rest]).items).toMatchObject([{ run: { schemaId: null } }]);
  });
});

describe('when a period is sealed', () => {
  const end = start + period.ms;
  const limit = end + timeLimitMs(period);
  const stagger = staggerMs(period);
  test.each([
    ['not before its end', end - 1, end - 1, true, false],
    ['by the first as soon as all are through', end, end, true, true],
    ['by others a little later', end + stagger - 1, end, false, false],
    ['by others then', end + stagger, end, false, true],
    ['not while somebody is not through', limit - 1, null, true, false],
    ['at the limit all the same', limit, null, true, true],
    ['at the limit and a little by others', limit + stagger, null, false, true],
  ])('%s', (_, now, throughSince, isFirst, expected) => {
    expect(maySeal(period, { end, now, throughSince, isFirst })).toBe(expected);
  });

  test('progress is told and read', () => {
    expect(parseProgress(formatProgress(start))).toBe(start);
    for (const text of [undefined, '', 'tidemark-flushed/2 2026-01-01T00:00:00Z', 'tidemark-flushed/1 x']) {
      expect(parseProgress(text)).toBeNull();
    }
  });
});

test.each([60_000, 3_600_000, 400 * 24 * 3600_000])(
  'a lock of %i ms is extended before it is too short',
  retentionMs => {
    const interval = lockIntervalMs(retentionMs);
    let locked = start + generalLockMs(retentionMs);
    for (let now = start; now < start + 3 * retentionMs; now += interval) {
      locked = extensionOf(locked, now, retentionMs) ?? locked;
      expect(locked).toBeGreaterThanOrEqual(now + retentionMs + interval);
    }
  },
);

test('errors of S3 mean what they mean', () => {
  const error = (status: number, name = 'X') =>
    Object.assign(new Error(), { name, $metadata: { httpStatusCode: status } });
  expect([412, 404, 403, 401, 400, 405].map(status => failureOf(error(status)))).toEqual([
    'taken',
    'missing',
    'denied',
    'denied',
    'refused',
    'missing',
  ]);
  for (const status of [200, 408, 409, 429, 500, 503]) expect(failureOf(error(status))).toBe('again');
  expect(failureOf(new Error('socket hang up'))).toBe('again');
  expect(failureOf(error(404, 'NoSuchBucket'))).toBe('refused');
  expect(delayBefore({ attempts: 9, baseMs: 100, capMs: 1000 }, 9, 0.5)).toBe(500);
});

test('all that is wrong with the settings is in one list', () => {
  const wrong = () => readConfig({ TIDEMARK_SEGMENT_BYTES: 'many', TIDEMARK_SEGMENT_AGE: '5 minutes' });
  expect(wrong).toThrow(SettingsError);
  for (const name of [
    'TIDEMARK_SEGMENT_BYTES',
    'TIDEMARK_SEGMENT_AGE',
    'TIDEMARK_ORIGIN',
    'TIDEMARK_RETENTION',
    'S3_BUCKET',
  ]) {
    expect(wrong).toThrow(name);
  }
});
