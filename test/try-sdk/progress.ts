// Where the event of a service has got to, by what it was done to: in the raw topic, sealed, proven by the archive.

import { setTimeout as delay } from 'node:timers/promises';
import { openStore } from '../../auditor/open.ts';
import { readEvents } from '../../auditor/read/index.ts';
import { followEvents } from '../../auditor/tail/follow.ts';
import { openTopics } from '../../cli/topics.ts';
import { trustFrom } from '../../cli/trust.ts';
import { topicSettings } from '../../core/edge/settings.ts';
import { locationOf } from '../../infra/demo/programs.ts';
import type { World } from '../../infra/demo/world.ts';

const LIMIT_MS = 120_000;
const POLL_MS = 250;

/** Each resolves when the event is seen there, and rejects where it is not in time. */
export interface Progress {
  readonly acknowledged: Promise<void>;
  readonly sealed: Promise<void>;
}

/** Begins to look: to be called before the event is recorded. */
export function followTarget(world: World, target: string): Progress {
  const settings = topicSettings(world.env.normalizer);
  const since = Date.now();
  const seen = async (topic: string): Promise<void> => {
    const topics = await openTopics(settings, 'tidemark-try');
    const signal = AbortSignal.timeout(LIMIT_MS);
    const options = { since, filter: { target: [target] }, refused: false, once: false, onTrouble: () => {} };
    for await (const event of followEvents({ ...topics, ...options, topic, signal })) {
      if (event.refused !== null) throw new Error(`the event of ${target} was refused: ${event.refused}`);
      return;
    }
    throw new Error(`no event of ${target} in ${topic} within ${LIMIT_MS / 1000} s`);
  };
  const progress = { acknowledged: seen(settings.rawTopic), sealed: seen(settings.eventsTopic) };
  // They are waited for one after the other.
  progress.sealed.catch(() => undefined);
  return progress;
}

/** Resolves when the archive's log commits to the event. */
export async function untilProven(world: World, target: string): Promise<void> {
  const trust = trustFrom({ policy: world.files.policy, normalizerKeys: world.files.normalizerKeys });
  let last = 'nothing is archived';
  for (const deadline = Date.now() + LIMIT_MS; Date.now() < deadline; await delay(POLL_MS)) {
    try {
      const store = openStore(locationOf(world), world.env.auditor);
      for await (const item of readEvents(store, { trust, filter: { target: [target] } })) {
        if (item.kind !== 'event') continue;
        if (item.proof.status === 'proven') return;
        last = `it is ${item.proof.status}`;
      }
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
  }
  throw new Error(`the event of ${target} is not proven within ${LIMIT_MS / 1000} s: ${last}`);
}
