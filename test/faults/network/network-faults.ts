// What happens between the programs and their servers, and to the brokers of a cluster one after the other: connections are cut, answers come
// too late, or never although the server has done what it was asked.

import { setTimeout as delay } from 'node:timers/promises';
import type { Toxic, ToxicProxy } from '../../../infra/local/toxiproxy.ts';
import type { Fault } from '../fault.ts';
import { wait } from '../process-faults.ts';
import type { Random } from '../random.ts';
import type { World } from '../world.ts';
import type { Api } from './kafka-frames.ts';
import type { Net } from './net.ts';
import { forward, type S3Proxy } from './s3-proxy.ts';

export function networkFaults({ net, s3 }: Pick<World, 'net' | 's3'>): Fault[] {
  if (!net) return [loseWrites(s3)];
  return [
    ...brokerFaults(net),
    // Of a hundred answers so many are lost. The first three are a few a second; a producer is new after each loss.
    loseAnswers(net, 'produce', 5),
    loseAnswers(net, 'end-txn', 10),
    loseAnswers(net, 'add-partitions-to-txn', 10),
    loseAnswers(net, 'init-producer-id', 50),
    loseAnswers(net, 'offset-commit', 30),
    ...toxicFaults('kafka', net.toxic.kafka, 16_000),
    ...toxicFaults('s3', [net.toxic.s3], 61_000),
    loseWrites(s3),
  ];
}

function brokerFaults({ nodes }: Net): Fault[] {
  const bounce = async (index: number, isHard: boolean, random: Random, signal: AbortSignal): Promise<void> => {
    const node = nodes[index];
    if (isHard) {
      await node?.kill();
      await wait(random, [0, 8000], signal);
    }
    await node?.restart();
  };
  const one = (name: string, isHard: boolean): Fault => ({
    name,
    touches: ['kafka'],
    inject: (random, signal) => bounce(random.between(0, nodes.length - 1), isHard, random, signal),
  });
  /** Whatever each of them leads and coordinates: all of it moves. */
  const all = (name: string, isHard: boolean): Fault => ({
    name,
    touches: ['kafka'],
    inject: async (random, signal) => {
      for (let index = 0; index < nodes.length && !signal.aborted; index++) await bounce(index, isHard, random, signal);
    },
  });
  const faults = [one('kill-broker', true), one('restart-broker', false)];
  return nodes.length > 1 ? [...faults, all('kill-each-broker', true), all('restart-each-broker', false)] : faults;
}

/** Some requests are lost themselves: who asked can't tell the one from the other. */
function loseAnswers({ kafka }: Net, api: Api, percent: number): Fault {
  return {
    name: `lose-${api}`,
    touches: ['kafka-answers'],
    inject: async (random, signal) => {
      for (const way of kafka) {
        way.rule = asked => {
          if (asked.api !== api || random.between(0, 99) >= percent) return 'pass';
          return random.pick(['lose', 'lose', 'cut']);
        };
      }
      await wait(random, [5000, 15_000], signal);
      for (const way of kafka) way.rule = () => 'pass';
    },
  };
}

/** `timeoutMs`: longer than the programs wait for an answer. */
function toxicFaults(what: 'kafka' | 's3', proxies: readonly ToxicProxy[], timeoutMs: number): Fault[] {
  const touches = [`${what}-network`];
  const poisoned = (name: string, toxicOf: (random: Random) => Toxic, lasts: readonly [number, number]): Fault => ({
    name: `net-${what}-${name}`,
    touches,
    inject: async (random, signal) => {
      const toxic = toxicOf(random);
      await Promise.all(proxies.map(proxy => proxy.poison(random.pick(['down', 'up']), toxic)));
      await wait(random, lasts, signal);
      await Promise.all(proxies.map(proxy => proxy.heal()));
    },
  });
  return [
    {
      name: `net-${what}-cut`,
      touches,
      inject: async (random, signal) => {
        for (let times = random.between(1, 4); times > 0 && !signal.aborted; times--) {
          await Promise.all(proxies.map(proxy => proxy.cut()));
          await wait(random, [0, 6000], signal);
          await Promise.all(proxies.map(proxy => proxy.heal()));
          await delay(random.between(0, 2000));
        }
      },
    },
    poisoned('late', () => latency(timeoutMs, 3000), [timeoutMs, timeoutMs + 10_000]),
    poisoned('jitter', random => latency(random.between(50, 800), 400), [5000, 20_000]),
    poisoned(
      'narrow',
      random => ({ type: 'bandwidth', attributes: { rate: random.between(20, 200) } }),
      [5000, 20_000],
    ),
  ];
}

const latency = (ms: number, jitter: number): Toxic => ({ type: 'latency', attributes: { latency: ms, jitter } });

/** S3 does each second write, and its answer is lost. */
function loseWrites(s3: S3Proxy): Fault {
  return {
    name: 's3-unheard',
    touches: ['s3'],
    inject: async (random, signal) => {
      s3.rule = ({ method }) => (method === 'PUT' && random.next() < 0.5 ? { kind: 'lose' } : forward);
      await wait(random, [5000, 20_000], signal);
      s3.rule = () => forward;
    },
  };
}
