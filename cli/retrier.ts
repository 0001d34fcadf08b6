// Sends refused records again, with the bytes that they had. Who does so, and why, is recorded before the first is sent.

import kafkajs, { type IHeaders } from 'kafkajs';
import { AuditorError } from '../auditor/error.ts';
import { keyIdsIn } from '../auditor/read/index.ts';
import type { Refusal } from '../auditor/refused/refusals.ts';
import { topicSettings } from '../core/edge/settings.ts';
import { AUDIT_ACTIONS, RETRY_HEADER } from '../core/event/index.ts';
import { SOURCE_HEADER } from '../core/proof/source.ts';
import type { Original } from '../schemas/index.ts';
import { recordAccess, revealerBy } from './revealer.ts';
import { openTopics } from './topics.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface Resent {
  /** Of the refusal. */
  readonly id: string;
  readonly partition: number;
  readonly offset: string;
}

/** What is yielded is in all in-sync replicas. Throws AuditorError before the first is sent where one of them can't be. */
export async function* retryRefusals(
  env: Env,
  refusals: readonly Refusal[],
  reason: string,
  onProblem: (text: string) => void,
): AsyncGenerator<Resent> {
  const settings = topicSettings(env);
  const { rawTopic: topic } = settings;
  const { kafka } = await openTopics(settings, 'tidemark-refused');
  const isSealed = refusals.some(({ event }) => keyIdsIn(event).length > 0);
  const revealer = isSealed ? revealerBy(env, onProblem) : null;
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  try {
    const query = { refusals: refusals.map(({ id }) => id).join(' ') };
    await recordAccess(env, { action: AUDIT_ACTIONS.retry, target: { type: 'topic', id: topic }, reason, query });
    const records: { id: string; partition: number; original: Original }[] = [];
    for (const refusal of refusals) {
      const { value } = revealer ? await revealer.reveal(refusal.event) : refusal.event;
      records.push({ id: refusal.id, partition: refusal.partition, original: originalOf(refusal, value) });
    }
    await producer.connect();
    for (const { id, partition, original } of records) {
      const { key, value } = original;
      const message = { partition, key: bufferOf(key), value: bufferOf(value), headers: headersOf(original, id) };
      const [sent] = await producer.send({ topic, acks: -1, messages: [message] });
      yield { id, partition, offset: sent?.baseOffset ?? '?' };
    }
  } finally {
    await producer.disconnect();
    revealer?.close();
  }
}

/** Of these the bytes are not kept, or are not one record's. */
const unkept: ReadonlySet<string> = new Set(['too-large', 'unreadable-batch']);

function originalOf({ id, code }: Refusal, value: unknown): Original {
  const original = (value as { original?: Original | null } | null)?.original;
  if (!original || unkept.has(code))
    throw new AuditorError(
      'not-found',
      `${id} was refused as ${code}: its bytes are not kept, its service has to send it again`,
    );
  if (original.sealed)
    throw new AuditorError(
      'no-keys',
      `${id}: its bytes can't be opened, as the key of that day is not there. Nothing was sent; its service has to send it again`,
    );
  return original;
}

/** Those that it had, but for a proof over what was sent with it, and for which refusal it is sent again. */
function headersOf({ headers }: Original, id: string): IHeaders {
  const all: Record<string, Buffer[]> = {};
  for (const { key, value } of headers) {
    if (key === SOURCE_HEADER || key === RETRY_HEADER) continue;
    // kafkajs writes null as null, and has no type for it.
    all[key] = [...(all[key] ?? []), value as Buffer];
  }
  return { ...all, [RETRY_HEADER]: id };
}

const bufferOf = (bytes: Uint8Array | null): Buffer | null => (bytes === null ? null : Buffer.from(bytes));
