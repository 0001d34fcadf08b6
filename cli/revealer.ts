// Shows personal data in clear, once it is recorded who does so and why: what can't be recorded is not shown.

import { AuditorError } from '../auditor/error.ts';
import { keyIdsIn, type ReadEvent, type Revealable, revealEvent } from '../auditor/read/index.ts';
import { operatorSetting } from '../core/edge/erasure/index.ts';
import { openKeys } from '../core/edge/keys/open.ts';
import { keySettings } from '../core/edge/keys/settings.ts';
import { AUDIT_ACTIONS } from '../core/event/index.ts';
import type { TargetInput } from '../producers/sdk/index.ts';
import { openRecorder, operatorOf } from './recorder.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface Revealer {
  /** The event in clear as far as its keys are there; fetches them as they come. */
  reveal<E extends Revealable>(event: E): Promise<E & Pick<ReadEvent, 'personal'>>;
  close(): void;
}

/** What somebody does with personal data, and why. */
export interface Access {
  readonly action: string;
  /** What is looked into: an archive, or a topic. */
  readonly target: TargetInput;
  readonly reason: string;
  /** What was asked for, as it was typed. */
  readonly query: Readonly<Record<string, string>>;
}

/** Told what does not fit, once a key. */
type OnProblem = (text: string) => void;

/** Opens the keys, and records that they are used. Throws AuditorError where it can't be recorded. */
export async function openRevealer(env: Env, access: Omit<Access, 'action'>, onProblem: OnProblem): Promise<Revealer> {
  const revealer = revealerBy(env, onProblem);
  try {
    await recordAccess(env, { ...access, action: AUDIT_ACTIONS.reveal });
    return revealer;
  } catch (error) {
    revealer.close();
    throw error;
  }
}

/** Resolves when the archive will tell of it: before that, nothing may be shown or done. */
export async function recordAccess(env: Env, { action, target, reason, query }: Access): Promise<void> {
  const me = operatorSetting(env);
  const recorder = openRecorder();
  try {
    await recorder.record({ action, actor: operatorOf(me.key), target, reason, attributes: query });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AuditorError('unavailable', `nothing is done, since it can't be recorded: ${why}`, { cause });
  } finally {
    await recorder.close();
  }
}

/** With the keys of the settings. Whoever uses it has recorded it. */
export function revealerBy(env: Env, onProblem: OnProblem): Revealer {
  const keys = openKeys(keySettings(env));
  const finder = keys.finder();
  return {
    reveal: async event => {
      for (const { message } of await finder.prepare(keyIdsIn(event))) onProblem(message);
      const revealed = revealEvent(event, finder.find);
      for (const { state, path, problem } of revealed.personal ?? [])
        if (state === 'broken') onProblem(`event ${event.view.id}, ${path}: ${problem}`);
      return revealed;
    },
    close: () => keys.close(),
  };
}
