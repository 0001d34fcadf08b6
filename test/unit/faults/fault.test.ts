// Faults by a seed: several at once, never two of the same thing, the same ones again for the same seed.
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Fault, injectFaults } from '../../faults/fault.ts';
import { seededRandom } from '../../faults/random.ts';

interface Trace {
  readonly order: string[];
  readonly running: Set<Fault>;
  most: number;
  clashes: number;
}

function faultOf(name: string, touches: string[], trace: Trace): Fault {
  const fault: Fault = {
    name,
    touches,
    inject: async random => {
      trace.order.push(name);
      for (const other of trace.running) {
        const isAlone = touches.includes('everything') || other.touches.includes('everything');
        if (isAlone || other.touches.some(thing => touches.includes(thing))) trace.clashes++;
      }
      trace.running.add(fault);
      trace.most = Math.max(trace.most, trace.running.size);
      await delay(random.between(0, 2));
      trace.running.delete(fault);
    },
  };
  return fault;
}

async function run(seed: number, count: number): Promise<Trace & { names: string[] }> {
  const trace: Trace = { order: [], running: new Set(), most: 0, clashes: 0 };
  const names = ['a:kafka', 'b:kafka', 'c:s3', 'd:registry', 'e:everything'];
  const faults = names.map(one => {
    const [name = '', touches = ''] = one.split(':');
    return faultOf(name, [touches], trace);
  });
  const end = new AbortController();
  const injections = await injectFaults({
    faults,
    random: seededRandom(seed),
    atOnce: 3,
    pauseMs: [0, 1],
    signal: end.signal,
    recovered: async () => null,
    onInject: () => void (trace.order.length >= count && end.abort()),
  });
  return { ...trace, names: injections.map(({ name }) => name) };
}

describe('injectFaults', () => {
  it('injects several at once, and never two that touch the same', async () => {
    const trace = await run(7, 200);
    expect(trace.clashes).toBe(0);
    expect(trace.most).toBe(3);
    expect(new Set(trace.order)).toEqual(new Set(['a', 'b', 'c', 'd', 'e']));
    expect(trace.names).toHaveLength(trace.order.length);
  });

  it('chooses by the seed', async () => {
    const pick = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({ length: 50 }, () => random.between(1, 6)).join('');
    };
    expect(pick(1)).toBe(pick(1));
    expect(pick(1)).not.toBe(pick(2));
    expect(new Set(pick(3))).toEqual(new Set('123456'));
  });

  it('counts the time to recover from the heal, or from the start where nothing heals', async () => {
    const end = new AbortController();
    const times: number[] = [];
    const slow = async () => {
      await delay(20);
    };
    const injections = await injectFaults({
      faults: [
        { name: 'heals', touches: ['a'], inject: slow },
        { name: 'kills', touches: ['b'], recoversFrom: 'start', inject: slow },
      ],
      random: seededRandom(1),
      atOnce: 2,
      pauseMs: [1, 1],
      signal: end.signal,
      recovered: async () => {
        const sealedAt = Date.now() + 1_000_000;
        if (times.push(sealedAt) > 8) end.abort();
        return { sealedAt, archivedAt: sealedAt + 7 };
      },
    });
    for (const { name, startedAt, healedAt, recovery } of injections) {
      expect(times).toContain((name === 'kills' ? startedAt : healedAt) + (recovery?.sealedMs ?? 0));
      expect(recovery?.archivedMs).toBe((recovery?.sealedMs ?? 0) + 7);
    }
    expect(new Set(injections.map(({ name }) => name))).toEqual(new Set(['heals', 'kills']));
  });

  it('ends where a fault could not be injected', async () => {
    const broken = {
      name: 'broken',
      touches: [],
      inject: () => Promise.reject(new Error('no such process')),
    };
    const schedule = { faults: [broken], random: seededRandom(1), atOnce: 2, pauseMs: [0, 0] as const };
    const signal = new AbortController().signal;
    await expect(injectFaults({ ...schedule, signal, recovered: async () => null })).rejects.toThrow(
      'the fault broken',
    );
  });
});
