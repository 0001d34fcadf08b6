// A normalizer that hangs at a step of its transaction, past its session and until another has sealed what it held, and comes back: its
// broker has done what it asked, and it hears so when it is a zombie. Nothing is sealed twice, and nothing is left out.
// All steps: HUNG_STEPS=all npm test -- --project integration test/integration/hung-normalizer.test.ts

import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
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

vi.setConfig({ testTimeout: 120_000 }); // a session has to end

const steps: readonly Api[] = ['init-producer-id', 'add-partitions-to-txn', 'produce', 'end-txn'];
const chosen = process.env.HUNG_STEPS === 'all' ? steps : steps.slice(-1);

const proxy = new KafkaProxy();
let kafka: KafkaServer;

beforeAll(async () => {
  await proxy.open();
  kafka = await startKafka({ via: proxy.port });
  proxy.target = kafka.viaPort ?? 0;
});
afterEach(endPrograms);
afterAll(async () => {
  await Promise.all([proxy.close(), kafka.stop()]);
});

/** Stops the program as soon as it has asked for this; resolves when it is stopped. */
function stopAt(api: Api, program: () => Program): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const before = proxy.rule;
  proxy.rule = asked => {
    if (asked.api === api) {
      proxy.rule = before;
      program().child.kill('SIGSTOP');
      resolve();
    }
    return 'pass';
  };
  return promise;
}

test.each(chosen)('stopped at %s', async step => {
  const scene = await createScene(1, { KAFKA_BROKERS: kafka.brokers });
  const through = { ...scene.env, KAFKA_BROKERS: `127.0.0.1:${proxy.port}` };
  const sent: string[] = [];
  const sendSome = (count: number): Promise<void> => {
    const events = Array.from({ length: count }, () => makeEvent(sent.length));
    sent.push(...events.map(({ id }) => id));
    return send(
      scene,
      events.map(event => encode(scene.eventId, event)),
    );
  };

  let hung: Program | undefined;
  const started = (): Program => hung as Program;
  if (step === 'init-producer-id') {
    const stopped = stopAt(step, started);
    hung = await startProgram(through, false);
    await stopped;
    await sendSome(3);
  } else {
    hung = await startProgram(through);
    await sendSome(3);
    await eventually(scene, 3);
    const stopped = stopAt(step, started);
    await sendSome(3);
    await stopped;
    await sendSome(3);
  }
  const other = await startProgram(scene.env);
  await eventually(scene, sent.length);
  hung.child.kill('SIGCONT');
  await sendSome(3);
  await eventually(scene, sent.length);
  await expectOnce(scene, sent);
  // Whether it has ended or joined the group anew: it writes nothing of its old run.
  expect(await other.kill('SIGTERM')).toBe(0);
  await sendSome(3);
  if (hung.child.exitCode !== null) await startProgram(through);
  await eventually(scene, sent.length);
  await expectOnce(scene, sent);
});

async function expectOnce(scene: Scene, sent: readonly string[]): Promise<void> {
  const { events } = await readEvidence(scene);
  expect(events.map(({ id }) => id)).toEqual(sent);
}
