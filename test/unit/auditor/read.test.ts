import { describe, expect, test } from 'vitest';
import { collect } from '../../../auditor/read/ahead.ts';
import {
  type Filter,
  parseInstant,
  parsePolicyFile,
  parseSealKeyFile,
  proofText,
  type ReadEvent,
  type Remark,
  readEvents,
  type Trust,
} from '../../../auditor/read/index.ts';
import { makeTestSchema, type TestEvent } from '../../archive-events.ts';
import {
  describe as describeArchive,
  flip,
  hide,
  loadGolden,
  memoryStore,
  type Objects,
  publish,
  putVersion,
  type RunSpec,
  testPolicyText,
  testSealKeysText,
} from '../../archive-writer.ts';

const golden = loadGolden();
const goldenTrust: Trust = {
  policy: parsePolicyFile(golden.policyText, 'policy'),
  sealKeys: parseSealKeyFile(golden.sealKeysText, 'keys'),
};
const testTrust: Trust = {
  policy: parsePolicyFile(testPolicyText, 'policy'),
  sealKeys: parseSealKeyFile(testSealKeysText, 'keys'),
};

interface Outcome {
  readonly events: readonly ReadEvent[];
  readonly remarks: readonly Remark[];
  /** How many events there are of each proof. */
  readonly proofs: Readonly<Record<string, number>>;
}

async function read(objects: Objects, trust: Trust, filter: Filter = {}): Promise<Outcome> {
  const items = await collect(readEvents(memoryStore(objects), { trust, filter, now: golden.at }));
  const events = items.filter(item => item.kind === 'event');
  const proofs: Record<string, number> = {};
  for (const { proof } of events) proofs[proofText(proof)] = (proofs[proofText(proof)] ?? 0) + 1;
  return { events, remarks: items.filter(item => item.kind !== 'event'), proofs };
}

const readGolden = (change: (objects: Objects) => void, filter: Filter = {}) => {
  const { objects } = loadGolden();
  change(objects);
  return read(objects, goldenTrust, filter);
};
const nothing = () => {};
const segment11 = 'events/dt=2026-01-05/hour=11/00002-000-00000000000000000201.avro';
const manifest13 = 'batches/2026/01/05/20260105T130000Z.note';

describe('the golden archive', () => {
  test('gives all its events, proven, and tells what has expired', async () => {
    const { events, proofs, remarks } = await readGolden(nothing);
    expect(proofs).toEqual({ proven: 136 });
    expect(new Set(events.map(({ fields }) => fields.id)).size).toBe(136);
    expect(remarks).toEqual([
      expect.objectContaining({ kind: 'note', text: expect.stringContaining('expired: 12 events') }),
    ]);
  });

  test('proves nothing without a policy or without keys, and says so', async () => {
    const { policy, sealKeys } = goldenTrust;
    expect((await read(golden.objects, { policy: null, sealKeys })).proofs).toEqual({
      'unproven: no policy given': 136,
    });
    expect((await read(golden.objects, { policy, sealKeys: null })).proofs).toEqual({
      'unproven: no normalizer keys given': 136,
    });
  });

  test('is not taken for proven under the policy of another archive', async () => {
    const { proofs } = await read(golden.objects, { ...testTrust, sealKeys: goldenTrust.sealKeys });
    expect(proofs).toEqual({ 'unproven: the policy accepts no checkpoint of this log': 136 });
  });
});

describe('filters on the golden archive', () => {
  const countOf = async (filter: Filter) => (await readGolden(nothing, filter)).events.length;

  test('by time: from is included, to is not', async () => {
    const { events } = await readGolden(nothing);
    const times = events.map(({ fields }) => fields.occurredAt).sort((a, b) => Number(a - b));
    const [from, to] = [times[20] ?? 0n, times[100] ?? 0n];
    expect(await countOf({ from, to })).toBe(times.filter(time => time >= from && time < to).length);
    expect(await countOf({ from: parseInstant('2027-01-01', '--from') })).toBe(0);
  });

  test('by time: segments outside are not even opened', async () => {
    const { objects } = loadGolden();
    const opened: string[] = [];
    const store = memoryStore(objects, { onRead: key => opened.push(key) });
    const filter = { from: parseInstant('2026-01-05T13:00:00Z', '--from') };
    await collect(readEvents(store, { trust: goldenTrust, filter, now: golden.at }));
    expect(opened.filter(key => key.startsWith('events/')).every(key => key.includes('hour=13'))).toBe(true);
  });

  test('by what is in the event', async () => {
    const { events } = await readGolden(nothing);
    const matching = (test: (event: ReadEvent) => boolean) => events.filter(test).length;
    expect(await countOf({ action: ['deploy*'] })).toBe(matching(({ view }) => view.action === 'deployment.start'));
    expect(await countOf({ action: ['deploy'] })).toBe(0);
    expect(await countOf({ action: ['user.*', 'invoice.update'] })).toBe(
      matching(({ view }) => view.action === 'invoice.update' || view.action.startsWith('user.')),
    );
    expect(await countOf({ actor: ['u-5'], outcome: ['denied'] })).toBe(
      matching(({ view }) => view.actorId === 'u-5' && view.outcome === 'denied'),
    );
    expect(await countOf({ target: ['invoice/1'] })).toBe(matching(({ view }) => view.targets.includes('invoice/1')));
    expect(await countOf({ target: ['1'] })).toBe(await countOf({ target: ['*/1'] }));
    expect(await countOf({ service: ['*'], tenant: ['acme'] })).toBe(0);
    expect(await countOf({ actor: ['u.5'] })).toBe(0);
  });
});

describe('an attacker with the bucket', () => {
  test('who hides a segment behind a delete marker hides nothing', async () => {
    expect((await readGolden(objects => hide(objects, segment11))).proofs).toEqual({ proven: 136 });
  });

  test('who puts another version over a segment, a manifest, a tile or the checkpoint changes nothing', async () => {
    const other = golden.objects.get(manifest13)?.[0]?.bytes ?? new Uint8Array();
    const keys = [segment11, 'batches/2026/01/05/20260105T110000Z.note', 'log/tile/entries/000.p/4', 'log/checkpoint'];
    for (const key of keys)
      expect((await readGolden(objects => putVersion(objects, key, other))).proofs).toEqual({ proven: 136 });
  });

  test('who rolls the checkpoint back hides no batch', async () => {
    const older = golden.objects.get('log/checkpoints/00000000000000000001')?.[0]?.bytes ?? new Uint8Array();
    expect((await readGolden(objects => putVersion(objects, 'log/checkpoint', older))).proofs).toEqual({ proven: 136 });
  });

  test('who alters a segment in place has its events shown as unproven', async () => {
    const { proofs, remarks } = await readGolden(objects => flip(objects, segment11, 4));
    expect(proofs).toEqual({ proven: 127 });
    expect(remarks).toContainEqual(expect.objectContaining({ kind: 'problem', key: segment11 }));
  });

  test('who takes a segment away before its time is seen', async () => {
    const { objects } = loadGolden();
    objects.delete(segment11);
    const items = await collect(readEvents(memoryStore(objects), { trust: goldenTrust, now: golden.at - 3_600_000 }));
    expect(items).toContainEqual(
      expect.objectContaining({ kind: 'problem', key: segment11, text: expect.stringContaining('missing: 9 events') }),
    );
  });

  test('who takes a manifest away has the events of its hour shown as unproven', async () => {
    const { proofs, remarks } = await readGolden(objects => objects.delete(manifest13));
    expect(remarks).toContainEqual(expect.objectContaining({ kind: 'problem', key: manifest13 }));
    expect(Object.keys(proofs).sort()).toEqual(['proven', "unproven: the batch of 2026-01-05T13:00:00Z can't be read"]);
    expect(Object.values(proofs).reduce((sum, n) => sum + n)).toBe(136);
  });

  test('who plants a segment behind the log proves nothing by it', async () => {
    const planted = golden.objects.get(segment11)?.[0]?.bytes ?? new Uint8Array();
    const key = 'events/dt=2026-01-05/hour=14/00002-000-00000000000000000999.avro';
    const { proofs } = await readGolden(objects => putVersion(objects, key, planted));
    expect(proofs).toEqual({ proven: 136, 'unproven: it names another seal before it': 9 });
  });
});

describe('what is not logged yet', () => {
  test('is pending, where it joins the chain', async () => {
    const { proofs } = await readGolden(objects => {
      objects.delete('log/checkpoint');
      objects.delete('log/checkpoints/00000000000000000004');
    });
    expect(Object.keys(proofs).sort()).toEqual(['pending', 'proven']);
    expect((proofs.pending ?? 0) + (proofs.proven ?? 0)).toBe(136);
  });

  test('is pending in an archive that has no batch at all', async () => {
    const { objects } = publish(
      describeArchive({ partitions: 1, periods: 0, runs: [{ partition: 0, period: 0, events: 4 }] }),
    );
    for (const key of [...objects.keys()]) if (key.startsWith('log/')) objects.delete(key);
    expect((await read(objects, testTrust)).proofs).toEqual({ pending: 4 });
  });
});

describe('events of any shape', () => {
  const archiveOf = (runs: readonly RunSpec[]) => publish(describeArchive({ partitions: 1, periods: 1, runs })).objects;

  test('are shown once where their producer sent them twice', async () => {
    const number = (sequence: bigint, id = `e-${sequence}`) => ({
      id,
      producer: { instance: 'p', sequence, last: false, abandoned: [] },
    });
    const runs = [
      { partition: 0, period: 0, events: [number(0n), number(1n), number(0n)] },
      { partition: 0, period: 0, events: [number(1n), number(2n)], cut: true },
    ];
    const { events } = await read(archiveOf(runs), testTrust);
    expect(events.map(({ fields }) => fields.producer?.sequence)).toEqual([0n, 1n, 2n]);
    const other = { partition: 0, period: 0, events: [number(1n, 'another event under the number')], cut: true };
    const all = await read(archiveOf([...runs, other]), testTrust);
    expect(all.events.map(({ fields }) => fields.id)).toEqual(['e-0', 'e-1', 'e-2', other.events[0]?.id]);
  });

  test('keep longs to the last digit and bytes as they are', async () => {
    const schemaText = makeTestSchema('AuditRecord', [
      { name: 'big', type: 'long' },
      { name: 'blob', type: ['null', 'bytes'] },
    ]);
    const event: Partial<TestEvent> & { big: bigint; blob: Buffer } = {
      action: 'x',
      big: 2n ** 63n - 1n,
      blob: Buffer.from([0, 255]),
    };
    const { events } = await read(archiveOf([{ partition: 0, period: 0, events: [event], schemaText }]), testTrust);
    expect(events[0]?.value).toMatchObject({ big: 2n ** 63n - 1n, blob: Buffer.from([0, 255]) });
  });
});
