import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { AuditInput } from '../../../producers/sdk/input.ts';
import { anEvent, fakeAuditor, gate } from './fake-transport.ts';

const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 5000, interval: 1 });
const numbers = (transport: { taken: { event: { producer: { sequence: number } | null } }[] }) =>
  transport.taken.map(({ event }) => event.producer?.sequence);

describe('record', () => {
  test('resolves with the id once the event is taken, with its number in datum and headers', async () => {
    const { auditor, transport } = fakeAuditor();
    const hand = gate();
    transport.answer = hand.answer;
    let settled = false;
    const recorded = auditor.record(anEvent()).finally(() => {
      settled = true;
    });
    await until(() => transport.requests.length === 1);
    expect(settled).toBe(false);
    hand.open();
    const id = await recorded;
    const [taken] = transport.taken;
    expect(taken?.event).toMatchObject({
      id,
      producer: { instance: 'instance-1', sequence: 0, last: false, abandoned: [] },
      origin: { service: 'test' },
    });
    expect(taken?.message.headers).toEqual({ 'tidemark-instance': 'instance-1', 'tidemark-sequence': '0' });
    expect(taken?.message.key).toBe('account/42');
  });

  test('an invalid event rejects, names the field, and leaves no hole', async () => {
    const { auditor, transport } = fakeAuditor();
    const invalid = { action: 'account.close', target: { type: 'account' } } as unknown as AuditInput;
    const all = [auditor.record(anEvent()), auditor.record(invalid), auditor.record(anEvent())];
    const [, rejected] = await Promise.allSettled(all);
    expect(rejected).toMatchObject({ status: 'rejected', reason: { code: 'invalid-event', field: 'target.id' } });
    expect(numbers(transport)).toEqual([0, 1]);
    expect(auditor.stats()).toMatchObject({ accepted: 2, delivered: 2, rejected: 1, failed: 0, pending: 0 });
  });

  test('an event that is too large, and one more than the queue holds, are refused at the call without a number', async () => {
    const { auditor, transport } = fakeAuditor({ maxEventBytes: 2000, maxQueuedEvents: 2 });
    const hand = gate();
    transport.answer = hand.answer;
    const first = [auditor.record(anEvent()), auditor.record(anEvent())];
    await expect(auditor.record({ ...anEvent(), reason: 'x'.repeat(2000) })).rejects.toMatchObject({
      code: 'too-large',
    });
    await expect(auditor.record(anEvent())).rejects.toMatchObject({ code: 'queue-full' });
    hand.open();
    await Promise.all(first);
    await auditor.record(anEvent());
    expect(numbers(transport)).toEqual([0, 1, 2]);
  });

  test('a key function that throws or answers nonsense is an error of the event', async () => {
    const throwing = fakeAuditor({
      key: () => {
        throw new Error('no');
      },
    });
    await expect(throwing.auditor.record(anEvent())).rejects.toMatchObject({ code: 'invalid-event', field: 'key' });
    const wrong = fakeAuditor({ key: (() => 5) as unknown as () => string });
    await expect(wrong.auditor.record(anEvent())).rejects.toMatchObject({ field: 'key', found: 'a number' });
  });
});

describe('order and batches', () => {
  test('one request at a time, batches of one partition, order kept in each', async () => {
    const { auditor, transport } = fakeAuditor();
    await Promise.all(Array.from({ length: 300 }, (_, index) => auditor.record(anEvent(String(index % 7)))));
    expect(transport.mostInFlight).toBe(1);
    expect(transport.requests.length).toBeLessThan(10);
    for (let partition = 0; partition < 3; partition++) {
      const there = transport.taken
        .filter(one => one.partition === partition)
        .map(({ event }) => event.producer?.sequence);
      expect(there).toEqual(there.toSorted((a, b) => Number(a) - Number(b)));
    }
    expect(numbers(transport).toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 300 }, (_, i) => i),
    );
  });

  test('a request stays below the bytes of a batch', async () => {
    const { auditor, transport } = fakeAuditor({ maxBatchBytes: 3000 });
    const reason = 'x'.repeat(500);
    await Promise.all(Array.from({ length: 20 }, () => auditor.record({ ...anEvent(), reason })));
    expect(Math.max(...transport.requests.map(({ messages }) => messages.length))).toBeLessThanOrEqual(4);
  });

  test('a batch that a broker finds too large is halved; a single event is refused', async () => {
    const { auditor, transport } = fakeAuditor();
    transport.answer = ({ messages }) => (messages.length > 3 ? 'too-large' : 'ok');
    await Promise.all(Array.from({ length: 16 }, () => auditor.record(anEvent())));
    expect(numbers(transport)).toEqual(Array.from({ length: 16 }, (_, i) => i));
    transport.answer = () => 'too-large';
    await expect(auditor.record(anEvent())).rejects.toMatchObject({ code: 'too-large' });
  });

  test('a partition that fails does not hold up the others', async () => {
    const { auditor, transport } = fakeAuditor({ retryMs: { first: 1000, longest: 1000 } });
    const sick = transport.partitionOf('account/1');
    let failing = true;
    transport.answer = ({ partition }) => (failing && partition === sick ? 'unsent' : 'ok');
    const stuck = auditor.record(anEvent('1'));
    await until(() => transport.requests.length > 0);
    await auditor.record(anEvent('2'));
    await auditor.record(anEvent('3'));
    failing = false;
    await stuck;
  });
});

describe('failures', () => {
  test('an unknown outcome is tried again with the same id and number', async () => {
    const { auditor, transport } = fakeAuditor();
    let first = true;
    transport.answer = () => {
      const answer = first ? 'lost-answer' : 'ok';
      first = false;
      return answer;
    };
    const id = await auditor.record(anEvent());
    expect(transport.taken.map(({ event }) => [event.id, event.producer?.sequence])).toEqual([
      [id, 0],
      [id, 0],
    ]);
    expect(auditor.stats()).toMatchObject({ delivered: 1, retries: 1 });
  });

  test.each([
    ['unsent', 'not-sent'],
    ['unknown', 'unknown-outcome'],
  ] as const)('%s until the delivery timeout: %s, and the number is abandoned', async (answer, code) => {
    const { auditor, transport } = fakeAuditor({ deliveryTimeoutMs: 500 });
    transport.answer = () => answer;
    await expect(auditor.record(anEvent())).rejects.toMatchObject({ code, message: expect.stringContaining(answer) });
    transport.answer = () => 'ok';
    await auditor.record(anEvent());
    await auditor.record(anEvent());
    expect(transport.taken.map(({ event }) => event.producer)).toMatchObject([
      { sequence: 1, abandoned: [{ first: 0, last: 0 }] },
      { sequence: 2, abandoned: [] },
    ]);
  });

  test('what an abandoned event would have listed is listed by a later one', async () => {
    const { auditor, transport } = fakeAuditor();
    transport.answer = () => 'refused';
    for (let number = 0; number < 3; number++) {
      await expect(auditor.record(anEvent())).rejects.toMatchObject({ code: 'not-sent' });
    }
    transport.answer = () => 'ok';
    await auditor.record(anEvent());
    expect(transport.taken[0]?.event.producer).toMatchObject({ sequence: 3, abandoned: [{ first: 0, last: 2 }] });
  });

  test('no connection: tried until the timeout; no permission: told at once', async () => {
    const away = fakeAuditor({ deliveryTimeoutMs: 30 });
    away.transport.opened = 'unsent';
    await expect(away.auditor.record(anEvent())).rejects.toMatchObject({ code: 'not-sent' });
    const forbidden = fakeAuditor();
    forbidden.transport.opened = 'refused';
    await expect(forbidden.auditor.record(anEvent())).rejects.toMatchObject({ code: 'not-sent' });
    expect(forbidden.auditor.stats().retries).toBe(0);
  });

  test('the error says why it did not go, and not that the last attempt was short', async () => {
    const { auditor, transport } = fakeAuditor({ deliveryTimeoutMs: 30 });
    let attempts = 0;
    transport.open = async () => {
      attempts += 1;
      throw new Error(attempts === 1 ? 'connection refused' : 'no answer within 500 ms');
    };
    await expect(auditor.record(anEvent())).rejects.toThrow(/could not be sent: connection refused$/);
    expect(attempts).toBeGreaterThan(1);
  });

  test('every number is taken or listed as abandoned, whatever happens', async () => {
    const answers = fc.array(fc.constantFrom('ok', 'unsent', 'unknown', 'lost-answer', 'refused'), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(answers, fc.integer({ min: 1, max: 12 }), async (script, count) => {
        const { auditor, transport } = fakeAuditor({ deliveryTimeoutMs: 6, maxBatchBytes: 700 });
        const left = [...script];
        transport.answer = () => left.shift() ?? 'ok';
        const results = await Promise.allSettled(
          Array.from({ length: count }, (_, index) => auditor.record(anEvent(String(index)))),
        );
        left.length = 0;
        await auditor.close();
        const arrived = new Set(numbers(transport));
        const listed = new Set(
          transport.taken.flatMap(({ event }) =>
            (event.producer?.abandoned ?? []).flatMap(({ first, last }) =>
              Array.from({ length: last - first + 1 }, (_, index) => first + index),
            ),
          ),
        );
        results.forEach((result, number) => {
          if (result.status === 'fulfilled') expect(arrived).toContain(number);
          else expect(listed).toContain(number);
        });
        expect(transport.taken.at(-1)?.event).toMatchObject({ action: 'audit.close', producer: { last: true } });
      }),
      { numRuns: 60 },
    );
  });
});

describe('emit', () => {
  test('returns at once and reports failures to onError and the counters', async () => {
    const { auditor, transport, errors } = fakeAuditor({ deliveryTimeoutMs: 500 });
    expect(auditor.emit(anEvent())).toBeUndefined();
    auditor.emit({} as AuditInput);
    expect(errors.map(({ code }) => code)).toEqual(['invalid-event']);
    await auditor.flush();
    expect(transport.taken).toHaveLength(1);
    transport.answer = () => 'unknown';
    auditor.emit(anEvent());
    await auditor.flush();
    expect(errors.map(({ code }) => code)).toEqual(['invalid-event', 'unknown-outcome']);
    expect(auditor.stats()).toMatchObject({ emitFailures: 2, rejected: 1, failed: 1, delivered: 1 });
  });

  test('never throws, whatever it is given', async () => {
    const { auditor, errors } = fakeAuditor({ maxQueuedEvents: 100_000 });
    fc.assert(
      fc.property(fc.anything({ withProxy: true } as object), anything => {
        auditor.emit(anything as AuditInput);
      }),
    );
    const thrower = new Proxy({}, { get: () => fail(), ownKeys: () => fail(), getPrototypeOf: () => fail() });
    const fail = (): never => {
      throw thrower;
    };
    const { proxy: revoked, revoke } = Proxy.revocable({}, {});
    revoke();
    const circular: { action: string; target?: unknown } = { action: 'a.b' };
    circular.target = circular;
    const getter = {
      get action(): string {
        throw null;
      },
    };
    const hostile = [
      thrower,
      revoked,
      circular,
      getter,
      { ...anEvent(), attributes: thrower },
      { ...anEvent(), actor: revoked },
    ];
    for (const input of hostile) auditor.emit(input as AuditInput);
    await auditor.flush();
    expect(errors.length).toBeGreaterThanOrEqual(hostile.length);
    expect(errors.every(({ code }) => code === 'invalid-event')).toBe(true);
  });

  test('an onError that throws or rejects disturbs nobody', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const throwing = fakeAuditor({
      onError: () => {
        throw new Error('handler');
      },
    });
    const rejecting = fakeAuditor({ onError: (async () => Promise.reject(new Error('handler'))) as () => void });
    for (const { auditor } of [throwing, rejecting]) {
      auditor.emit({} as AuditInput);
      await auditor.record(anEvent());
    }
    await new Promise(resolve => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('close', () => {
  test('flushes, says that the instance ends, and disconnects', async () => {
    const { auditor, transport } = fakeAuditor({ lingerMs: 60_000 });
    const recorded = auditor.record(anEvent());
    await auditor.close();
    await recorded;
    expect(transport.taken.map(({ event }) => [event.action, event.producer?.sequence, event.producer?.last])).toEqual([
      ['account.close', 0, false],
      ['audit.close', 1, true],
    ]);
    expect(transport.closed).toBe(true);
    expect(transport.holds).toEqual([true, false, true, false]);
    await expect(auditor.record(anEvent())).rejects.toMatchObject({ code: 'closed' });
    await auditor.close();
    expect(transport.taken).toHaveLength(2);
  });

  test('an instance that recorded nothing says nothing', async () => {
    const { auditor, transport } = fakeAuditor();
    await auditor.close();
    expect(transport.requests).toEqual([]);
    expect(transport.closed).toBe(true);
  });

  test('gives up what can not be sent in time, and tells it', async () => {
    const { auditor, transport, errors } = fakeAuditor({ deliveryTimeoutMs: 60_000 });
    transport.answer = () => 'unsent';
    const recorded = auditor.record(anEvent());
    const rejected = expect(recorded).rejects.toMatchObject({ code: 'not-sent' });
    await auditor.close({ timeoutMs: 20 });
    await rejected;
    expect(errors.map(({ code }) => code)).toEqual(['not-sent']);
    expect(transport.closed).toBe(true);
  });
});
