// An auditor with a spool: what was told to be safe arrives once, in order, whoever sends it; and nothing that is spooled is given up.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../../temporary.ts';
import { anEvent, FakeTransport, gate } from '../fake-transport.ts';
import { asIfKilled, bytesOf, filesOf, numbersOf, spoolingAuditor } from './spooling.ts';

const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 20_000, interval: 1 });
const folder = () => join(temporaryFolder(), 'spool');
const large = (id: string) => ({ ...anEvent(id), attributes: { k: 'x'.repeat(250_000) } });

function away(): FakeTransport {
  const transport = new FakeTransport();
  transport.opened = 'unsent';
  return transport;
}

describe('while Kafka is there', () => {
  test('record waits for it, not for the disk; nothing is left behind', async () => {
    const directory = folder();
    const { auditor, transport } = spoolingAuditor(directory);
    const hand = gate();
    transport.answer = hand.answer;
    let settled = false;
    const recorded = auditor.record(anEvent()).finally(() => {
      settled = true;
    });
    await until(() => transport.requests.length === 1);
    expect([settled, auditor.stats().spooled, bytesOf(directory) > 0]).toEqual([false, 1, true]);
    hand.open();
    await recorded;
    expect(auditor.stats()).toMatchObject({ accepted: 1, delivered: 1, pending: 0, spooled: 0 });
    await auditor.close();
    expect(numbersOf(transport)).toEqual([0, 1]);
    expect(transport.taken.at(-1)?.event.producer).toMatchObject({ last: true, abandoned: [] });
    expect(filesOf(directory, '')).toEqual([]);
  });

  test('an answer that takes longer than waitMs is not waited for', async () => {
    const { auditor, transport } = spoolingAuditor(folder(), { plan: { waitMs: 20 } });
    const hand = gate();
    transport.answer = hand.answer;
    await auditor.record(anEvent());
    expect(auditor.stats()).toMatchObject({ delivered: 0, spooled: 1 });
    hand.open();
    await auditor.close();
    expect(numbersOf(transport)).toEqual([0, 1]);
  });

  test('many that wait are written together, and sent in order of their partitions', async () => {
    const { auditor, transport } = spoolingAuditor(folder());
    await Promise.all(Array.from({ length: 300 }, (_, index) => auditor.record(anEvent(String(index % 7)))));
    await auditor.close();
    for (let partition = 0; partition < 3; partition++) {
      const there = transport.taken.filter(one => one.partition === partition).map(one => one.event.producer?.sequence);
      expect(there).toEqual(there.toSorted((a, b) => Number(a) - Number(b)));
    }
    expect(new Set(numbersOf(transport)).size).toBe(301);
  });
});

describe('while Kafka is away', () => {
  test('record resolves on the strength of the disk; all is sent when Kafka is back', async () => {
    const transport = away();
    const { auditor } = spoolingAuditor(folder(), { transport });
    const ids = await Promise.all(Array.from({ length: 20 }, (_, index) => auditor.record(anEvent(String(index)))));
    expect(auditor.stats()).toMatchObject({ accepted: 20, delivered: 0, failed: 0, pending: 20, spooled: 20 });
    transport.opened = 'ok';
    await auditor.flush();
    expect(new Set(transport.taken.map(({ event }) => event.id))).toEqual(new Set(ids));
    expect(auditor.stats()).toMatchObject({ delivered: 20, pending: 0, spooled: 0 });
    await auditor.close();
  });

  test('longer than the delivery timeout, and what the brokers refuse, gives nothing up: onError is told once', async () => {
    const transport = new FakeTransport();
    transport.answer = () => 'refused';
    transport.partitions = 1;
    const { auditor, errors } = spoolingAuditor(folder(), { transport, settings: { deliveryTimeoutMs: 20 } });
    await auditor.record(anEvent());
    await until(() => transport.requests.length > 5);
    transport.answer = () => 'too-large';
    await until(() => transport.requests.length > 10);
    expect(errors).toMatchObject([{ code: 'not-sent', message: expect.stringContaining('answer: refused') }]);
    transport.answer = () => 'ok';
    await auditor.close();
    expect(numbersOf(transport)).toEqual([0, 1]);
    expect(transport.taken.at(-1)?.event.producer?.abandoned).toEqual([]);
  });

  test('of one partition: the others go on, and onError is told once that it is refused', async () => {
    const transport = new FakeTransport();
    let refused = true;
    transport.answer = ({ partition }) => (refused && partition === 0 ? 'refused' : 'ok');
    const { auditor, errors } = spoolingAuditor(folder(), { transport, plan: { waitMs: 0 } });
    // Keys whose letters add up to each of the partitions.
    for (let n = 0; n < 30; n++) await auditor.record(anEvent(String.fromCharCode(97 + (n % 3))));
    await until(() => auditor.stats().delivered === 20);
    await until(() => auditor.stats().retries > 5);
    await auditor.record(anEvent('z'));
    expect(errors).toMatchObject([{ code: 'not-sent' }]);
    refused = false;
    await auditor.close();
    expect(numbersOf(transport).toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 32 }, (_, n) => n),
    );
  });

  test('close leaves it to the next process, with the word that the instance ended; which sends it before its own', async () => {
    const directory = folder();
    const first = spoolingAuditor(directory, { transport: away(), settings: { instance: 'one' } });
    await Promise.all([first.auditor.record(anEvent('a')), first.auditor.record(anEvent('a'))]);
    await first.auditor.close({ timeoutMs: 1 });
    expect([first.errors, first.transport.closed]).toEqual([[], true]);
    const second = spoolingAuditor(directory, { settings: { instance: 'two' } });
    await second.auditor.record(anEvent('a'));
    await second.auditor.close();
    const taken = second.transport.taken.filter(({ event }) => event.action !== 'audit.close');
    expect(taken.map(({ event }) => [event.producer?.instance, event.producer?.sequence])).toEqual([
      ['one', 0],
      ['one', 1],
      ['two', 0],
    ]);
    expect(taken.map(({ message }) => message.headers['tidemark-instance'])).toEqual(['one', 'one', 'two']);
    const ends = second.transport.taken.filter(({ event }) => event.producer?.last);
    expect(ends.map(({ event }) => event.producer)).toMatchObject([
      { instance: 'one', sequence: 2, abandoned: [] },
      { instance: 'two', sequence: 1, abandoned: [] },
    ]);
    expect(filesOf(directory, '')).toEqual([]);
  });

  test('a process that records nothing sends what another left, and has no end to tell', async () => {
    const directory = folder();
    const first = spoolingAuditor(directory, { transport: away() });
    await first.auditor.record(anEvent());
    const second = spoolingAuditor(asIfKilled(directory));
    await second.auditor.flush();
    expect(numbersOf(second.transport)).toEqual([0]);
    await second.auditor.close();
    expect(numbersOf(second.transport)).toEqual([0]);
    await first.auditor.close({ timeoutMs: 1 });
  });
});

describe('when it is full', () => {
  test('fail: refused at the call, without a number, until there is room again', async () => {
    const directory = folder();
    const transport = away();
    const { auditor } = spoolingAuditor(directory, { transport });
    const results = await Promise.allSettled(Array.from({ length: 12 }, (_, i) => auditor.record(large(String(i)))));
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(3);
    expect(refused[0]).toMatchObject({ reason: { code: 'spool-full', message: expect.stringContaining(directory) } });
    expect(bytesOf(directory)).toBeLessThan(2_000_000 + 100_000);
    transport.opened = 'ok';
    await auditor.flush();
    await auditor.record(large('more'));
    await auditor.close();
    const accepted = 12 - refused.length;
    expect(numbersOf(transport).toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: accepted + 2 }, (_, n) => n),
    );
  });

  test('wait: in order until there is room', async () => {
    const directory = folder();
    const transport = away();
    transport.partitions = 1;
    const { auditor } = spoolingAuditor(directory, { transport, plan: { whenFull: 'wait' } });
    const all = Array.from({ length: 20 }, (_, index) => auditor.record(large(String(index))));
    await until(() => auditor.stats().spooled >= 5);
    expect(bytesOf(directory)).toBeLessThan(2_000_000 + 100_000);
    transport.opened = 'ok';
    await Promise.all(all);
    await auditor.close();
    expect(numbersOf(transport)).toEqual(Array.from({ length: 21 }, (_, n) => n));
  });

  test('wait: given up and abandoned after the delivery timeout, while what is on disk is not', async () => {
    const transport = away();
    const settings = { deliveryTimeoutMs: 50 };
    const { auditor } = spoolingAuditor(folder(), { transport, settings, plan: { whenFull: 'wait' } });
    const results = await Promise.allSettled(Array.from({ length: 12 }, (_, i) => auditor.record(large(String(i)))));
    const failed = results.filter(({ status }) => status === 'rejected');
    const spooled = 12 - failed.length;
    expect(failed.map(one => one.status === 'rejected' && one.reason.code)).toEqual(failed.map(() => 'spool-full'));
    expect([failed.length > 0, spooled > 3]).toEqual([true, true]);
    transport.opened = 'ok';
    await auditor.close();
    expect(transport.taken.find(({ event }) => event.producer?.last)?.event.producer).toMatchObject({
      sequence: 12,
      abandoned: [{ first: spooled, last: 11 }],
    });
    expect(transport.taken).toHaveLength(spooled + 1);
  });
});

describe('a spool that cannot be used', () => {
  test('another one has it: told after the delivery timeout, and at the call from then on', async () => {
    const directory = folder();
    const first = spoolingAuditor(directory);
    await first.auditor.record(anEvent());
    const second = spoolingAuditor(directory, { settings: { deliveryTimeoutMs: 30 } });
    const unusable = { code: 'spool-unusable', message: expect.stringContaining(directory) };
    await expect(second.auditor.record(anEvent())).rejects.toMatchObject(unusable);
    await expect(second.auditor.record(anEvent())).rejects.toMatchObject(unusable);
    expect(second.errors).toMatchObject([unusable]);
    await second.auditor.close();
    await first.auditor.close();
    expect(second.transport.taken).toEqual([]);
  });

  test('it is waited for: a process that ends hands it to the one that comes', async () => {
    const directory = folder();
    const first = spoolingAuditor(directory, { settings: { instance: 'one' } });
    await first.auditor.record(anEvent());
    const second = spoolingAuditor(directory, { settings: { instance: 'two' } });
    const recorded = second.auditor.record(anEvent());
    await first.auditor.close();
    await recorded;
    await second.auditor.close();
    expect(numbersOf(second.transport)).toEqual([0, 1]);
  });

  test('its directory cannot be made', async () => {
    const { auditor, errors } = spoolingAuditor('/dev/null/spool');
    await expect(auditor.record(anEvent())).rejects.toMatchObject({ code: 'spool-unusable' });
    await auditor.close();
    expect(errors.length).toBeGreaterThan(0);
  });

  test('a file that cannot be made: the event is not recorded and its number abandoned; the next finds its way', async () => {
    const directory = folder();
    const transport = away();
    const { auditor } = spoolingAuditor(directory, { transport });
    for (const id of ['0', '1']) await auditor.record(large(id));
    rmSync(directory, { recursive: true });
    await expect(auditor.record(large('2'))).rejects.toMatchObject({
      code: 'not-sent',
      message: expect.stringContaining('ENOENT'),
    });
    mkdirSync(directory);
    await auditor.record(anEvent('3'));
    transport.opened = 'ok';
    await auditor.close();
    expect(transport.taken.find(({ event }) => event.producer?.sequence === 3)?.event.producer?.abandoned).toEqual([
      { first: 2, last: 2 },
    ]);
    expect(transport.taken).toHaveLength(4);
  });
});

type Step =
  | { readonly do: 'record'; readonly count: number }
  | {
      readonly do: 'answer';
      readonly how: 'ok' | 'unsent' | 'lost-answer' | 'refused';
      readonly partitions: readonly number[];
    }
  | { readonly do: 'kill' | 'close' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('record' as const), count: fc.integer({ min: 1, max: 30 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      how: fc.constantFrom('ok' as const, 'unsent' as const, 'lost-answer' as const, 'refused' as const),
      partitions: fc.constantFrom([0, 1, 2], [0], [1, 2]),
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom({ do: 'kill' as const }, { do: 'close' as const }) },
);

test('whatever brokers and processes do, what was acknowledged is taken, in order, and twice only as it was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async steps => {
      const topic: FakeTransport['taken'] = [];
      const acknowledged: string[] = [];
      const forgotten: ReturnType<typeof spoolingAuditor>[] = [];
      let answer: FakeTransport['answer'] = () => 'ok';
      let directory = folder();
      let instances = 0;
      const start = () => {
        const instance = `instance-${instances++}`;
        const made = spoolingAuditor(directory, { settings: { instance, newId: () => newId() } });
        made.transport.answer = request => answer(request);
        return made;
      };
      const end = (one: ReturnType<typeof start>) => topic.push(...one.transport.taken);
      let now = start();
      for (const one of [...steps, { do: 'kill' } as const]) {
        if (one.do === 'answer') answer = ({ partition }) => (one.partitions.includes(partition) ? one.how : 'ok');
        if (one.do === 'record') {
          const batch = Array.from({ length: one.count }, (_, n) => now.auditor.record(anEvent(String(n % 5))));
          acknowledged.push(...(await Promise.all(batch)));
        }
        if (one.do === 'close') await now.auditor.close({ timeoutMs: 5 });
        if (one.do === 'kill') {
          directory = asIfKilled(directory);
          forgotten.push(now);
        }
        if (one.do === 'close' || one.do === 'kill') {
          // What the one that was killed sends from now on has nobody sent.
          end(now);
          now = start();
        }
      }
      answer = () => 'ok';
      await now.auditor.close();
      end(now);
      await Promise.all(forgotten.map(({ auditor }) => auditor.close()));
      check(topic, acknowledged);
    }),
    { numRuns: 60 },
  );
});

let ids = 0;
const newId = () => `0197f0c4-7b0a-7c3e-8f00-${String(ids++).padStart(12, '0')}`;

function check(topic: FakeTransport['taken'], acknowledged: readonly string[]): void {
  const first = new Map<string, (typeof topic)[number]>();
  for (const one of topic) {
    const before = first.get(one.event.id);
    if (before === undefined) first.set(one.event.id, one);
    else expect(one.message.datum.equals(before.message.datum)).toBe(true);
  }
  expect(acknowledged.filter(id => !first.has(id))).toEqual([]);
  // Ids count in the order of the calls.
  for (const partition of new Set(topic.map(one => one.partition))) {
    const there = [...first.values()].filter(one => one.partition === partition && !one.event.producer?.last);
    expect(there.map(({ event }) => event.id)).toEqual(there.map(({ event }) => event.id).toSorted());
  }
}
