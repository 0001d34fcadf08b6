// The whole way on the real servers: services record, the normalizer seals, the archiver locks, the auditor proves; and both programs
// are killed in the middle. What a producer was told is accepted is in the archive once (invariant 1).

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { openStore } from '../../auditor/open.ts';
import { parsePolicyFile, parseSealKeyFile, type ReadEvent, readEvents } from '../../auditor/read/index.ts';
import { type Verdict, verifyArchive } from '../../auditor/verify/index.ts';
import { nodeDecompress } from '../../core/edge/compression.ts';
import { generatePem, nodeCrypto, signerFromPem } from '../../core/edge/crypto.ts';
import { createKafka } from '../../core/edge/kafka/index.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { type Auditor, createAuditor } from '../../producers/sdk/index.ts';
import { createFresh, type FreshNames, stackEnv, stackVariable } from '../stack.ts';
import { endPrograms, inClear, send, silent, until } from './normalizer-program.ts';

const origin = 'test.example/whole-way';
const children = new Set<ChildProcess>();
const folders: string[] = [];

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  endPrograms();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface Program {
  readonly log: string[];
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

function start(main: string, env: Record<string, string>): Program {
  const path = new URL(`../../consumers/${main}/main.ts`, import.meta.url).pathname;
  const child = spawn(process.execPath, [path], { env: { PATH: process.env.PATH ?? '', ...env } });
  children.add(child);
  const log: string[] = [];
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', line => void log.push(line));
  const exited = new Promise<number | null>(resolve => child.on('exit', resolve));
  const kill = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  return { log, kill };
}

interface World {
  readonly names: FreshNames;
  readonly env: { readonly normalizer: Record<string, string>; readonly archiver: Record<string, string> };
  readonly policyText: string;
  readonly sealKeysText: string;
}

async function createWorld(): Promise<World> {
  const names = await createFresh(3);
  const folder = mkdtempSync(join(tmpdir(), 'whole-way-'));
  folders.push(folder);
  const [sealPem, logPem] = [generatePem(), generatePem()];
  const sealKeysText = `${formatVerifierKey(signerFromPem(sealKeyName(origin), sealPem).key)}\n`;
  const logKey = formatVerifierKey(signerFromPem(origin, logPem).key);
  writeFileSync(join(folder, 'normalizer.vkey'), sealKeysText);
  writeFileSync(join(folder, 'archiver.vkey'), `${logKey}\n`);
  const common = {
    ...stackEnv(),
    S3_BUCKET: names.bucket,
    S3_PREFIX: names.prefix,
    TIDEMARK_ORIGIN: origin,
    TIDEMARK_RAW_TOPIC: names.raw,
    TIDEMARK_EVENTS_TOPIC: names.events,
    TIDEMARK_PERIOD: 'PT5S',
    TIDEMARK_RETENTION: 'COMPLIANCE PT1H',
  };
  const normalizer = {
    ...common,
    TIDEMARK_GROUP: `${names.group}-n`,
    TIDEMARK_SEAL_KEY: sealPem,
    ...inClear,
    TIDEMARK_LOG_VERIFIERS: join(folder, 'archiver.vkey'),
  };
  const archiver = {
    ...common,
    TIDEMARK_GROUP: `${names.group}-a`,
    TIDEMARK_LOG_KEY: logPem,
    TIDEMARK_SEAL_VERIFIERS: join(folder, 'normalizer.vkey'),
  };
  return { names, env: { normalizer, archiver }, policyText: `log ${logKey}\nquorum none\n`, sealKeysText };
}

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

function verify({ names, policyText, sealKeysText }: World): Promise<Verdict> {
  return verifyArchive(openStore(`s3://${names.bucket}/${names.prefix}`, stackEnv()), {
    policy: parsePolicyFile(policyText, 'policy'),
    sealKeys: parseSealKeyFile(sealKeysText, 'normalizer.vkey'),
    logKeys: null,
    at: Date.now(),
    from: null,
    to: null,
    minRetention: 3_600_000,
    crypto: nodeCrypto,
    decompress: nodeDecompress,
  });
}

async function readAll({ names, policyText, sealKeysText }: World): Promise<ReadEvent[]> {
  const trust = {
    policy: parsePolicyFile(policyText, 'policy'),
    sealKeys: parseSealKeyFile(sealKeysText, 'normalizer.vkey'),
  };
  const events: ReadEvent[] = [];
  for await (const item of readEvents(openStore(`s3://${names.bucket}/${names.prefix}`, stackEnv()), { trust })) {
    if (item.kind === 'event') events.push(item);
  }
  return events;
}

/** Reports that a run with kills may earn. Both programs end before the last period does, so segments may be pending. */
const lawful = new Set(['late', 'doubled', 'pending', 'unwitnessed', 'open', 'silence']);

test('both programs are killed in the middle, and every acknowledged event is in the archive once', async () => {
  const world = await createWorld();
  const { names, env } = world;
  let normalizer = start('normalizer', env.normalizer);
  let archiver = start('archiver', env.archiver);
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
  normalizer = start('normalizer', env.normalizer);
  await untilMore(200);
  await archiver.kill('SIGKILL');
  await untilMore(200);
  archiver = start('archiver', env.archiver);
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
