// Shows personal data in clear, once it is recorded who does so and why: what can't be recorded is not shown.

import { AuditorError } from '../auditor/error.ts';
import { keyIdsIn, type ReadEvent, revealEvent } from '../auditor/read/index.ts';
import { operatorSetting } from '../core/edge/erasure/index.ts';
import { openKeys } from '../core/edge/keys/open.ts';
import { keySettings } from '../core/edge/keys/settings.ts';
import { AUDIT_ACTIONS } from '../core/event/index.ts';
import { openRecorder, operatorOf } from './recorder.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface Revealer {
  /** The event in clear as far as its keys are there; fetches them as they come. */
  reveal(event: ReadEvent): Promise<ReadEvent>;
  close(): void;
}

export interface Revealing {
  readonly location: string;
  readonly reason: string;
  /** What was asked for, as it was typed. */
  readonly query: Readonly<Record<string, string>>;
  /** Told what does not fit, once a key. */
  onProblem(text: string): void;
}

/** Records that it is revealed, then opens the keys. Throws AuditorError where it can't be recorded. */
export async function openRevealer(env: Env, { location, reason, query, onProblem }: Revealing): Promise<Revealer> {
  const me = operatorSetting(env);
  const settings = keySettings(env);
  const recorder = openRecorder();
  try {
    await recorder.record({
      action: AUDIT_ACTIONS.reveal,
      actor: operatorOf(me.key),
      target: { type: 'archive', id: location },
      reason,
      attributes: query,
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AuditorError('unavailable', `nothing is shown, since it can't be recorded: ${why}`, { cause });
  } finally {
    await recorder.close();
  }
  const keys = openKeys(settings);
  const finder = keys.finder();
  return {
    reveal: async event => {
      for (const { message } of await finder.prepare(keyIdsIn(event))) onProblem(message);
      const revealed = revealEvent(event, finder.find);
      for (const { state, path, problem } of revealed.personal ?? [])
        if (state === 'broken') onProblem(`event ${event.fields.id}, ${path}: ${problem}`);
      return revealed;
    },
    close: () => keys.close(),
  };
}
