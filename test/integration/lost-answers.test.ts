// Answers of the broker that are lost after it has done what it was asked, and requests that never reach it: the normalizer can't know which,
// and every event is in the events topic once.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type KafkaServer, startKafka } from '../../infra/local/kafka.ts';
import type { Api } from '../faults/network/kafka-frames.ts';
import { KafkaProxy } from '../faults/network/kafka-proxy.ts';
import {
  createScene,
  encode,
  endPrograms,
  eventually,
  makeEvent,
  type Program,
  readEvidence,
  type Scene,
  send,
  startProgram,
} from './normalizer-program.ts';

const apis: readonly Api[] = ['init-producer-id', 'add-partitions-to-txn', 'produce', 'end-txn'];

const proxy = new KafkaProxy();
let kafka: KafkaServer;
let scene: Scene;
let program: Program;
const sent: string[] = [];

beforeAll(async () => {
  await proxy.open();
  kafka = await startKafka({ via: proxy.port });
  proxy.target = kafka.viaPort ?? 0;
  scene = await createScene(1, { KAFKA_BROKERS: kafka.brokers });
  program = await startProgram(through());
});

afterAll(async () => {
  endPrograms();
  await Promise.all([proxy.close(), kafka.stop()]);
});

const through = () => ({ ...scene.env, KAFKA_BROKERS: `127.0.0.1:${proxy.port}` });

test.each(apis.flatMap(api => [[api, 'lose'] as const, [api, 'cut'] as const]))('%s: %s', async (api, deed) => {
  const struck = proxy.once(api, deed);
  // It is asked for where a producer is new: at a start.
  if (api === 'init-producer-id') {
    await program.kill('SIGTERM');
    program = await startProgram(through());
  }
  for (let n = 0; n < 3; n++) {
    const events = [1, 2, 3].map(() => makeEvent(sent.length));
    sent.push(...events.map(({ id }) => id));
    await send(
      scene,
      events.map(event => encode(scene.eventId, event)),
    );
  }
  await struck;
  await eventually(scene, sent.length);
  const { events } = await readEvidence(scene);
  expect(events.map(({ id }) => id)).toEqual(sent);
});
