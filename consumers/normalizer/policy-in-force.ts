// The policy in force, and that each change of it is told as an event of its own: who reads the archive later must see since when
// something was refused or masked, and by which text.

import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { SettingProblem } from '../../core/edge/settings.ts';
import { SettingsError } from '../../core/edge/settings.ts';
import { placeOf } from '../../core/edge/yaml-file.ts';
import type { NormalizerEvents } from './events.ts';
import type { OwnEvents } from './own-events.ts';
import { type LoadedPolicy, loadPolicy, type PolicyChange, PolicyError, policyChangeEvent } from './policy/index.ts';

export interface PolicyInForce {
  current(): LoadedPolicy;
  close(): void;
}

export interface PolicyInForceOptions {
  /** Null: the default policy, which never changes, so nothing is told. */
  readonly path: string | null;
  readonly groupId: string;
  readonly events: Pick<NormalizerEvents, 'policyChanged' | 'policyBroken' | 'policyUntold'>;
  readonly own: Pick<OwnEvents, 'send'>;
}

const againMs = 5000;
/** Changes of policy in their order, all in one. */
const partition = 0;

/** Loads the policy; throws SettingsError with all that is wrong in it. */
export function openPolicy({ path, groupId, events, own }: PolicyInForceOptions): PolicyInForce {
  const closed = new AbortController();
  let told = Promise.resolve();
  /** One after the other, each until it is there: the records that follow carry the digest in any case. */
  const tell = (change: PolicyChange): void => {
    const event = policyChangeEvent(change, { service: groupId, host: hostname(), nowMs: Date.now() });
    const attempt = async (): Promise<void> => {
      while (!closed.signal.aborted) {
        try {
          return await own.send(event, partition);
        } catch (error) {
          events.policyUntold(error);
          await delay(againMs, undefined, { signal: closed.signal, ref: false }).catch(() => {});
        }
      }
    };
    told = told.then(attempt);
  };
  const source = load(path, {
    onChange: (from, to) => {
      events.policyChanged(from, to);
      tell({ from, to });
    },
    onBroken: (broken, from) => {
      events.policyBroken(broken);
      tell({ from, broken });
    },
  });
  events.policyChanged(null, source.current());
  if (path !== null) tell({ from: null, to: source.current() });
  return {
    current: source.current,
    close: () => {
      closed.abort();
      source.close();
    },
  };
}

function load(path: string | null, on: Omit<Parameters<typeof loadPolicy>[0], 'path'>) {
  try {
    return loadPolicy({ path, ...on });
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new SettingsError(
      error.problems.map((problem): SettingProblem => {
        const { found, expected } = problem;
        return { name: `TIDEMARK_POLICY (${placeOf(`${path}`, problem)})`, found, expected, advice: '' };
      }),
    );
  }
}
