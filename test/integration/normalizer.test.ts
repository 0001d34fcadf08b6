// The normalizer as a program on real servers: every raw record becomes exactly one sealed event, whatever it is and whatever happens.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import {
  createScene,
  encode,
  endPrograms,
  eventually,
  makeEvent,
  type Program,
  readEvidence,
  send,
  startProgram,
  until,
} from './normalizer-program.ts';

afterAll(endPrograms);

async function runsOf(program: Program): Promise<number> {
  const metrics = await (await fetch(`${program.address()}/metrics`)).text();
  return Number(/^tidemark_normalizer_runs_total (\d+)/m.exec(metrics)?.[1] ?? 0);
}

/** The partitions that it was assigned last. */
function owns({ log }: Program): number[] {
  return JSON.parse(log.findLast(line => line.includes('"assigned"')) ?? '{"partitions":[]}').partitions;
}

describe('the normalizer', () => {
  test('makes each record an event, poison a refusal, and seals them', async () => {
    const scene = await createScene();
    const program = await startProgram(scene.env);
    const event = makeEvent(0, { action: 'account.open', reason: 'because' });
    const good = encode(scene.eventId, event);
    const badText = Buffer.from(good);
    badText[badText.indexOf('because')] = 0xff;
    const unknownId = Buffer.from(good);
    unknownId.writeUInt32BE(999_999, 1);
    const invalid = encode(scene.eventId, makeEvent(0, { action: 'NOT AN ACTION' }));
    await send(scene, [good, good.subarray(0, -3), Buffer.concat([Buffer.from([7]), good]), unknownId]);
    await send(scene, [badText, null, Buffer.alloc(2), Buffer.concat([good, Buffer.from([0])]), invalid], 0, {
      'tidemark-instance': 'i-1',
      'tidemark-sequence': '7',
    });
    await eventually(scene, 9);
    const { events } = await readEvidence(scene);
    expect(events.map(({ refused }) => refused?.code ?? null)).toEqual([
      null,
      'undecodable',
      'wrong-magic',
      'unknown-schema',
      'invalid-utf8',
      'no-value',
      'truncated',
      'trailing-bytes',
      'invalid',
    ]);
    expect(events[0]).toMatchObject({ ...event, attribution: 'anonymous', received: { source: 'broker' } });
    for (const refused of events.slice(1)) expect(refused.action).toBe('audit.refuse');
    expect(Buffer.from(events[4]?.original?.value ?? [])).toEqual(badText);
    expect(events[5]?.producer).toEqual({ instance: 'i-1', sequence: 7, last: false, abandoned: [] });
    expect(events[8]?.refused?.problems).toMatchObject([{ field: 'action' }]);
    expect(JSON.stringify(events[8]?.refused)).not.toContain('NOT AN ACTION');

    const metrics = await (await fetch(`${program.address()}/metrics`)).text();
    expect(metrics).toContain('tidemark_normalizer_refusals_total{code="invalid-utf8"} 1');
    expect(metrics).toMatch(/tidemark_normalizer_lag_events\{partition="0"\} 0/);
    expect(metrics).toMatch(/tidemark_normalizer_retention_hours_left\{partition="0"\} 16\d/);
    expect((await fetch(`${program.address()}/livez`)).status).toBe(200);
    expect(await program.kill('SIGTERM')).toBe(0);
  });

  test('killed in the middle of load: each acknowledged event once, in order, and the seals chain', async () => {
    const scene = await createScene(2);
    const acknowledged: [string, string][] = [];
    const producer = scene.kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    let sending = true;
    const load = (async () => {
      for (let n = 0; sending; n++) {
        const events = Array.from({ length: 40 }, (_, i) => makeEvent(n * 40 + i));
        const partition = n % 2;
        const messages = events.map(event => ({ key: 'k', value: encode(scene.eventId, event), partition }));
        await producer.send({ topic: scene.names.raw, messages });
        acknowledged.push(...events.map((event): [string, string] => [`${partition}`, event.id]));
        await delay(20); // a pace, so that what has to be read afterwards stays small
      }
    })();
    for (let round = 0; round < 2; round++) {
      const program = await startProgram(scene.env);
      await until('some runs', async () => (await runsOf(program)) > 5);
      await program.kill('SIGKILL');
    }
    sending = false;
    await load;
    await producer.disconnect();
    const program = await startProgram(scene.env);
    for (const partition of [0, 1]) {
      const sent = acknowledged.filter(([where]) => where === `${partition}`).map(([, id]) => id);
      await eventually(scene, sent.length, partition);
      const { events, seals } = await readEvidence(scene, partition);
      expect(events.map(({ id }) => id)).toEqual(sent);
      expect(seals.length).toBeGreaterThan(1);
    }
    expect(await program.kill('SIGTERM')).toBe(0);
  });

  test('two of them share the partitions, and one goes on when the other leaves', async () => {
    const scene = await createScene(4);
    const first = await startProgram(scene.env);
    const ids: string[][] = [[], [], [], []];
    const feed = async () => {
      for (const [partition, sent] of ids.entries()) {
        const events = Array.from({ length: 20 }, (_, i) => makeEvent(i));
        sent.push(...events.map(({ id }) => id));
        await send(
          scene,
          events.map(event => encode(scene.eventId, event)),
          partition,
        );
      }
    };
    await feed();
    const second = await startProgram(scene.env);
    await until('two each', () => owns(first).length === 2 && owns(second).length === 2);
    await feed();
    expect(await first.kill('SIGTERM')).toBe(0);
    await feed();
    for (const [partition, sent] of ids.entries()) {
      await eventually(scene, sent.length, partition);
      expect((await readEvidence(scene, partition)).events.map(({ id }) => id)).toEqual(sent);
    }
    expect(await second.kill('SIGTERM')).toBe(0);
  });

  test('stopped for longer than its session, it finds itself fenced, writes nothing twice, and takes part again', async () => {
    const scene = await createScene(2);
    const ids: string[][] = [[], []];
    const feed = async () => {
      for (const [partition, sent] of ids.entries()) {
        const events = Array.from({ length: 50 }, (_, i) => makeEvent(i));
        sent.push(...events.map(({ id }) => id));
        const values = events.map(event => encode(scene.eventId, event));
        await send(scene, values, partition);
      }
    };
    const first = await startProgram(scene.env);
    const second = await startProgram(scene.env);
    await until('one each', () => owns(first).length === 1 && owns(second).length === 1);
    await feed();
    first.child.kill('SIGSTOP');
    await feed(); // what is there for the stopped one is read by the other, and again by itself when it wakes
    await until('the other has both', () => owns(second).length === 2);
    await feed();
    first.child.kill('SIGCONT');
    await feed();
    await until('one each again', () => owns(first).length === 1 && owns(second).length === 1);
    await feed();
    for (const [partition, sent] of ids.entries()) {
      await eventually(scene, sent.length, partition);
      expect((await readEvidence(scene, partition)).events.map(({ id }) => id)).toEqual(sent);
    }
    expect(await first.kill('SIGTERM')).toBe(0);
    expect(await second.kill('SIGTERM')).toBe(0);
  });

  test('heartbeats seal an idle partition, more than twice a period', async () => {
    const scene = await createScene(1, { TIDEMARK_PERIOD: 'PT2S' });
    const program = await startProgram(scene.env);
    await eventually(scene, 4);
    const { events } = await readEvidence(scene);
    expect(new Set(events.map(({ action }) => action))).toEqual(new Set(['audit.heartbeat']));
    expect(events.every(({ producer, refused }) => producer === null && refused === null)).toBe(true);
    await program.kill('SIGTERM');
  });

  test('a partition that is added while it runs is sealed as one of as many as there are then', async () => {
    const scene = await createScene();
    await startProgram(scene.env);
    const admin = scene.kafka.admin();
    await admin.connect();
    const { raw, events } = scene.names;
    for (const topic of [events, raw]) await admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] });
    await admin.disconnect();
    await until('the new partition takes records', () =>
      send(scene, [encode(scene.eventId, makeEvent(1))], 1).then(
        () => true,
        () => false,
      ),
    );
    await eventually(scene, 1, 1);
    // Nobody accepts a seal that is of partition 1 of 1.
    expect((await readEvidence(scene, 1)).seals[0]).toMatchObject({ partition: 1, partitions: 2 });
  });

  test('does not start where evidence would be weakened, and says all of it at once', async () => {
    const scene = await createScene();
    const missing = await startProgram({ TIDEMARK_PERIOD: 'an hour' }, false);
    await until('it ends', () => missing.child.exitCode !== null);
    expect(missing.child.exitCode).toBe(1);
    for (const name of ['KAFKA_BROKERS', 'TIDEMARK_SEAL_KEY', 'TIDEMARK_PERIOD']) {
      expect(missing.log.join('\n')).toContain(name);
    }
    const small = `small-${randomUUID()}`;
    const admin = scene.kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: small, numPartitions: 1 }], waitForLeaders: true });
    await admin.createPartitions({ topicPartitions: [{ topic: scene.names.raw, count: 2 }] });
    await admin.disconnect();
    const weak = await startProgram({ ...scene.env, TIDEMARK_EVENTS_TOPIC: small }, false);
    await until('it ends', () => weak.child.exitCode !== null);
    expect(weak.child.exitCode).toBe(1);
    expect(weak.log.join('\n')).toMatch(/1 partitions, expected at least the 2/);
    expect(weak.log.join('\n')).toMatch(/max\.message\.bytes=1048588, expected at least 2162712/);
  });
});
