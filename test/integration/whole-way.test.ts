// The whole way on the real servers: services record, the normalizer seals, the archiver locks, the auditor proves; and both programs
// are killed in the middle. What a producer was told is accepted is in the archive once (invariant 1).

import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { ReadEvent } from '../../auditor/read/index.ts';
import { signerFromPem } from '../../core/edge/crypto.ts';
import { createKafka } from '../../core/edge/kafka/index.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { type Auditor, createAuditor } from '../../producers/sdk/index.ts';
import { stackVariable } from '../stack.ts';
import { endPrograms, send, silent, startProgram, until } from './normalizer-program.ts';
import { createWorld, lawful, origin, readAll, removeWorlds, verify } from './whole-way.ts';

afterEach(() => {
  endPrograms();
  removeWorlds();
});

/** Records one event after the other until told to stop; answers the ids of those that were acknowledged. */
function produce(auditor: Auditor, service: string) {
  const acknowledged: string[] = [];
  let stopped = false;
  const ended = (async () => {
    for (let n = 0; !stopped; n++) {
      const batch = Array.from({ length: 10 }, (_, i) =>
        auditor.record({ action: 'order.create', targets: [{ type: 'order', id: `${service}-${n % 7}-${i}` }] }),
      );
      acknowledged.push(...(await Promise.all(batch)));
      await delay(20);
    }
  })();
  return {
    acknowledged,
    stop: () => {
      stopped = true;
      return ended;
    },
  };
}

test('both programs are killed in the middle, and every acknowledged event is in the archive once', async () => {
  const world = await createWorld();
  const { names, env } = world;
  let normalizer = await startProgram(env.normalizer, false);
  let archiver = await startProgram(env.archiver, false, 'archiver');
  const kafka = { brokers: stackVariable('KAFKA_BROKERS').split(',') };
  const auditors = ['billing', 'orders'].map(service =>
    createAuditor({
      service,
      topic: names.raw,
      registry: stackVariable('SCHEMA_REGISTRY_URL'),
      brokers: kafka.brokers,
    }),
  );
  const producers = auditors.map((auditor, i) => produce(auditor, `service-${i}`));
  const count = () => producers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);

  // A service's invalid event never leaves it.
  await expect(auditors[0]?.record({ action: 'Nonsense', targets: [] })).rejects.toMatchObject({
    code: 'invalid-event',
  });
  // Poison, straight into the raw topic.
  const client = createKafka({ brokers: kafka.brokers, tls: null, sasl: null }, silent, 'test');
  const scene = {
    names,
    kafka: client,
    env: {},
    eventId: 0,
    key: signerFromPem(sealKeyName(origin), env.normalizer.TIDEMARK_SEAL_KEY ?? ''),
  };
  await send(
    scene,
    [Buffer.from([0, 0]), Buffer.from('no avro'), Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]), null],
    1,
  );

  const untilMore = async (more: number) => {
    const wanted = count() + more;
    await until(`${wanted} events acknowledged`, () => count() >= wanted);
  };
  await until('something is archived', async () => (await readAll(world).catch(() => [])).length > 0);
  await untilMore(200);
  await normalizer.kill('SIGKILL');
  await untilMore(200);
  normalizer = await startProgram(env.normalizer, false);
  await untilMore(200);
  await archiver.kill('SIGKILL');
  await untilMore(200);
  archiver = await startProgram(env.archiver, false, 'archiver');
  await untilMore(200);
  await Promise.all(producers.map(producer => producer.stop()));
  await Promise.all(auditors.map(auditor => auditor.close()));
  const acknowledged = producers.flatMap(producer => producer.acknowledged);

  const isThere = (events: readonly ReadEvent[]) => {
    const ids = new Set(events.filter(({ proof }) => proof.status === 'proven').map(({ fields }) => fields.id));
    return acknowledged.every(id => ids.has(id));
  };
  await until('every acknowledged event is proven', async () => isThere(await readAll(world)), 90_000);
  expect(await normalizer.kill('SIGTERM')).toBe(0);
  expect(await archiver.kill('SIGTERM')).toBe(0);

  const verdict = await verify(world);
  expect(verdict.findings).toEqual([]);
  expect(verdict.unchecked).toEqual([]);
  expect(verdict.reports.filter(({ code }) => !lawful.has(code))).toEqual([]);
  const events = await readAll(world);
  const times = new Map<string, number>();
  for (const { fields } of events) times.set(fields.id, (times.get(fields.id) ?? 0) + 1);
  expect(acknowledged.filter(id => times.get(id) !== 1)).toEqual([]);
  const known = new Set(acknowledged);
  const others = events.filter(({ fields }) => !known.has(fields.id)).map(({ view }) => view.action);
  expect(others.filter(action => action === 'audit.refuse')).toHaveLength(4);
  expect(new Set(others)).toEqual(new Set(['audit.heartbeat', 'audit.refuse', 'audit.close']));
}, 180_000);
