// Nothing is lost before Kafka: a service with a spool records while Kafka is away, is killed in the middle, and its successor sends what it
// left. What was acknowledged is in the archive, and is read once; what is sent again is reported as doubled.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type KafkaServer, startKafka } from '../../infra/local/kafka.ts';
import { temporaryFolder } from '../temporary.ts';
import { endPrograms, startProgram, until } from './normalizer-program.ts';
import { createWorld, lawful, readAll, removeWorlds, verify } from './whole-way.ts';

let kafka: KafkaServer;
const services = new Set<ChildProcess>();

beforeAll(async () => {
  kafka = await startKafka();
});
afterAll(() => kafka?.stop());
afterEach(() => {
  for (const service of services) service.kill('SIGKILL');
  endPrograms();
  removeWorlds();
});

function startService(env: Readonly<Record<string, string>>) {
  const program = new URL('spool-service.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program], { env: { PATH: process.env.PATH ?? '', ...env } });
  services.add(child);
  const acknowledged: string[] = [];
  const errors: string[] = [];
  const known = { instance: '', delivered: 0 };
  createInterface({ input: child.stderr }).on('line', line => void errors.push(line));
  createInterface({ input: child.stdout }).on('line', line => {
    const said = JSON.parse(line);
    acknowledged.push(...(said.acknowledged ?? []));
    if (said.error !== undefined) errors.push(said.error);
    known.instance = said.instance ?? known.instance;
    known.delivered = said.delivered ?? known.delivered;
  });
  const closed = new Promise<number | null>(resolve => child.on('close', resolve));
  const untilMore = async (more: number) => {
    const wanted = acknowledged.length + more;
    await until(`${wanted} events acknowledged; errors: ${errors}`, () => acknowledged.length >= wanted);
  };
  const end = (signal?: NodeJS.Signals) => {
    if (signal !== undefined) child.kill(signal);
    return closed;
  };
  return { acknowledged, errors, known, untilMore, end };
}

test('Kafka is killed under a service, the service is killed too, and every acknowledged event is in the archive once', async () => {
  const world = await createWorld(kafka.brokers);
  const { env, names } = world;
  const normalizer = await startProgram(env.normalizer);
  const archiver = await startProgram(env.archiver, true, 'archiver');
  const directory = join(temporaryFolder(), 'spool');
  const copy = join(temporaryFolder(), 'spool');
  const service = { ...env.normalizer, TIDEMARK_RAW_TOPIC: names.raw, SPOOL: directory };

  const first = startService(service);
  await first.untilMore(200);
  expect(first.known.delivered).toBeGreaterThan(0);
  await kafka.kill();
  await first.untilMore(300);
  await first.end('SIGKILL');
  // As a machine that is set back to a snapshot: what is in it comes a second time.
  cpSync(directory, copy, { recursive: true, filter: path => !path.includes('lock-') });

  const second = startService(service);
  await second.untilMore(300);
  expect(second.known.delivered).toBe(0);
  await kafka.restart();
  await until('Kafka takes events again', () => second.known.delivered > 500);
  await second.untilMore(100);
  expect(await second.end('SIGTERM')).toBe(0);
  expect(readdirSync(directory)).toEqual([]);

  const again = startService({ ...service, SPOOL: copy, RECORD: 'nothing' });
  expect(await again.end()).toBe(0);
  expect(readdirSync(copy)).toEqual([]);
  expect([...first.errors, ...second.errors, ...again.errors]).toEqual([]);

  const acknowledged = [...first.acknowledged, ...second.acknowledged];
  await until(
    'every acknowledged event is proven',
    async () => {
      const ids = new Set((await readAll(world).catch(() => [])).filter(isProven).map(({ fields }) => fields.id));
      return acknowledged.every(id => ids.has(id));
    },
    90_000,
  );
  await until('what came again is archived', async () => (await doubled()).length > 0);
  expect(await normalizer.kill('SIGTERM')).toBe(0);
  expect(await archiver.kill('SIGTERM')).toBe(0);

  const verdict = await verify(world);
  expect(verdict.findings).toEqual([]);
  const mayBe = new Set([...lawful, 'unclosed']);
  expect(verdict.reports.filter(({ code }) => !mayBe.has(code))).toEqual([]);
  const { instance } = first.known;
  expect(await doubled()).toMatchObject([{ producer: { instance } }]);
  const events = await readAll(world);
  const times = new Map<string, number>();
  for (const { fields } of events) times.set(fields.id, (times.get(fields.id) ?? 0) + 1);
  expect(acknowledged.filter(id => times.get(id) !== 1)).toEqual([]);

  async function doubled() {
    return (await verify(world)).reports.filter(({ code }) => code === 'doubled');
  }
}, 300_000);

const isProven = ({ proof }: { proof: { status: string } }) => proof.status === 'proven';
