// What happens to processes: they are killed, they hang and come back as if nothing had been (zombies), they come and go, and their clocks
// disagree.

import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import type { Fleet } from './fleet.ts';
import type { Random } from './random.ts';
import type { Services } from './services.ts';

export interface Programs {
  readonly normalizers: Fleet;
  readonly archivers: Fleet;
  readonly services: Services;
}

/** Sessions are 10 s: who hangs for longer has been replaced when it comes back. Above 15 s its transaction has timed out as well. */
const hangMs = [11_000, 19_000] as const;

export function processFaults({ normalizers, archivers, services }: Programs): Fault[] {
  const fleets = [normalizers, archivers];
  return [
    ...fleets.flatMap(fleet => [killOne(fleet), hang(fleet), comeAndGo(fleet), clocksApart(fleet)]),
    {
      name: 'kill-all',
      touches: [],
      recoversFrom: 'start',
      inject: async () => {
        await Promise.all(fleets.flatMap(({ members }) => members.map(member => member.kill())));
      },
    },
    { name: 'kill-producer', touches: ['producers'], recoversFrom: 'start', inject: () => services.killMortal() },
  ];
}

export async function wait(
  random: Random,
  [least, most]: readonly [number, number],
  signal: AbortSignal,
): Promise<void> {
  await delay(random.between(least, most), undefined, { signal }).catch(() => {});
}

function killOne(fleet: Fleet): Fault {
  return {
    name: `kill-${fleet.role}`,
    touches: [],
    recoversFrom: 'start',
    inject: async random => {
      if (fleet.members.length > 0) await random.pick(fleet.members).kill();
    },
  };
}

function hang(fleet: Fleet): Fault {
  return {
    name: `hang-${fleet.role}`,
    touches: [],
    inject: async (random, signal) => {
      if (fleet.members.length === 0) return;
      const member = random.pick(fleet.members);
      member.pause();
      await wait(random, hangMs, signal);
      member.resume();
    },
  };
}

const mostInstances = 4;

function comeAndGo(fleet: Fleet): Fault {
  return {
    name: `scale-${fleet.role}`,
    touches: [fleet.role],
    inject: async (random, signal) => {
      for (let n = 0; n < 3 && !signal.aborted; n++) {
        await fleet.scale(random.between(1, mostInstances));
        await wait(random, [1000, 6000], signal);
      }
      await fleet.scale(2);
    },
  };
}

/** Two more instances, half a minute apart. */
function clocksApart(fleet: Fleet): Fault {
  return {
    name: `clock-${fleet.role}`,
    touches: [fleet.role],
    inject: async (random, signal) => {
      const apart = await Promise.all([fleet.join(-15_000), fleet.join(15_000)]);
      await wait(random, [8000, 20_000], signal);
      await Promise.all(apart.map(member => fleet.leave(member)));
    },
  };
}
