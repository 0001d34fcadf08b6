// The archiver on the real servers: every committed run in the bucket once, whatever is killed or doubled.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, describe, expect, test } from 'vitest';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { openS3Bucket } from '../../core/edge/s3/s3-bucket.ts';
import { chainStart } from '../../core/proof/chain.ts';
import { checkpointKey, sizedCheckpointKey, tileKey, tilesAddedAt } from '../../core/proof/log.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { manifestKey, parseDuration, periodOf } from '../../core/proof/period.ts';
import { segmentKey } from '../../core/proof/segment.ts';
import { s3ConfigOf } from '../../infra/local/bucket.ts';
import { openRegistry, subjectFor } from '../../schemas/index.ts';
import { testSchemaText } from '../archive-events.ts';
import { createFresh, type FreshNames, stackEnv, stackVariable } from '../stack.ts';
import { temporaryFolder } from '../temporary.ts';
import { testKeys, testOrigin } from '../test-keys.ts';
import { type Checked, type CheckedVersion, checkArchive } from '../unit/archiver/check-archive.ts';
import { verdictOf } from '../unit/archiver/verdict.ts';
import { makeRun, SealedWriter } from './archiver-writer.ts';

const children: ChildProcess[] = [];
const writers: SealedWriter[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(writers.splice(0).map(writer => writer.close()));
});

const kafka = () => new Kafka({ brokers: stackVariable('KAFKA_BROKERS').split(','), logLevel: logLevel.NOTHING });

interface Setup {
  readonly names: FreshNames;
  readonly env: Record<string, string>;
  readonly pem: string;
  readonly writers: readonly SealedWriter[];
}

async function setUp(partitions: number, period = 'PT3S'): Promise<Setup> {
  const names = await createFresh(partitions);
  const folder = temporaryFolder();
  const verifiers = join(folder, 'normalizer.vkey');
  writeFileSync(verifiers, `${formatVerifierKey(testKeys.seal.key)}\n`);
  const pem = generatePem();
  const env = {
    ...stackEnv(),
    S3_BUCKET: names.bucket,
    S3_PREFIX: names.prefix,
    TIDEMARK_ORIGIN: testOrigin,
    TIDEMARK_RAW_TOPIC: names.raw,
    TIDEMARK_EVENTS_TOPIC: names.events,
    TIDEMARK_PERIOD: period,
    TIDEMARK_GROUP: names.group,
    TIDEMARK_RETENTION: 'COMPLIANCE PT1H',
    TIDEMARK_LOG_KEY: pem,
    TIDEMARK_SEAL_VERIFIERS: verifiers,
    TIDEMARK_SEGMENT_AGE: 'PT1S',
  };
  const registry = openRegistry({ url: stackVariable('SCHEMA_REGISTRY_URL') });
  const schemaId = await registry.register(subjectFor(names.events), testSchemaText);
  const opened = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => {
      const place = { topic: names.raw, events: names.events, partition, partitions, schemaId };
      return new SealedWriter(kafka(), place).open();
    }),
  );
  writers.push(...opened);
  return { names, env, pem, writers: opened };
}

function startProcess(env: Record<string, string>): ChildProcess & { output: string } {
  const child = Object.assign(
    spawn(process.execPath, ['consumers/archiver/main.ts'], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
    { output: '' },
  );
  children.push(child);
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => (child.output += String(data)));
  return child;
}

async function readVersions({ names }: Setup): Promise<CheckedVersion[]> {
  const endpoint = stackVariable('S3_ENDPOINT');
  const credentials = {
    accessKeyId: stackVariable('AWS_ACCESS_KEY_ID'),
    secretAccessKey: stackVariable('AWS_SECRET_ACCESS_KEY'),
  };
  const { bucket: name, prefix } = names;
  const bucket = openS3Bucket({ bucket: name, prefix, endpoint, credentials, mode: 'COMPLIANCE' });
  const versions: CheckedVersion[] = [];
  for await (const version of bucket.versions('')) {
    const object = version.isDeleteMarker ? null : await bucket.read(version.key, version.versionId);
    versions.push({ ...version, bytes: object?.bytes ?? new Uint8Array(), retainUntil: object?.retainUntil ?? null });
  }
  bucket.close();
  return versions;
}

const archivedOf = (checked: Checked) =>
  [...checked.offsets.values()].reduce((sum, offsets) => sum + offsets.length, 0);

/** Waits until the log lists all that was written; answers what is there, and what the auditor says of it. `strict`: see checkArchive. */
async function untilListed(setup: Setup, processes: readonly { output: string }[], strict = true) {
  const wanted = setup.writers.reduce((sum, writer) => sum + writer.events, 0);
  const key = signerFromPem(testOrigin, setup.pem).key;
  const deadline = Date.now() + 30_000;
  for (;;) {
    const versions = await readVersions(setup);
    const checked = checkArchive(versions, { logKey: key, strict });
    if (archivedOf(checked) >= wanted) {
      const verdict = await verdictOf(versions, { at: Date.now(), logKey: key, minRetention: 3600_000 });
      // Its writers have stopped: that a partition is silent is true.
      return { checked, findings: verdict.findings.filter(({ code }) => code !== 'silent') };
    }
    if (Date.now() > deadline) {
      const output = processes.map(child => child.output.slice(-4000)).join('\n---\n');
      throw new Error(`archived ${archivedOf(checked)} of ${wanted}: ${checked.problems.join('; ')}\n${output}`);
    }
    await new Promise(resolve => setTimeout(resolve, 300));
  }
}

async function untilArchived(setup: Setup, processes: readonly { output: string }[]): Promise<Checked> {
  const { checked, findings } = await untilListed(setup, processes);
  expect(findings).toEqual([]);
  return checked;
}

/** Puts garbage where a log of so many leaves goes on, and each partition, without a lock; answers the keys by kind. */
async function plantNext({ names, writers: all }: Setup, size: number) {
  const now = Date.now();
  const period = periodOf(parseDuration('PT3S'), now);
  const next = [1, 2, 3].map(more => size + more);
  const keys = {
    // The hour of the next seal, whichever it is.
    segment: all.flatMap(({ end: { next: first, generation } }, partition) =>
      [now, now + 60_000].map(sealedAt => segmentKey({ partition, generation, first, sealedAt })),
    ),
    manifest: [0, 1, 2].map(more => manifestKey(period + more * 3000)),
    tile: next.flatMap(leaves => tilesAddedAt(leaves).map(tileKey)),
    entries: next.map(leaves => `log/tile/entries/000.p/${leaves}`),
    checkpoint: [checkpointKey, ...next.map(sizedCheckpointKey)],
    far: [segmentKey({ partition: 0, generation: 0, first: 1_000_000n, sealedAt: now })],
  };
  const s3 = new S3Client(s3ConfigOf(stackEnv()));
  for (const key of new Set(Object.values(keys).flat())) {
    const put = { Bucket: names.bucket, Key: `${names.prefix}/${key}`, Body: `planted ${key}` };
    await s3.send(new PutObjectCommand(put));
  }
  s3.destroy();
  return keys;
}

/** Every event once and in order, and the chains at their writers' ends. */
function expectWhole(checked: Checked, setup: Setup): void {
  expect(checked.problems).toEqual([]);
  for (const [partition, writer] of setup.writers.entries()) {
    expect(checked.ends.get(partition)?.next ?? 0n).toBe(writer.end.next);
    const offsets = Array.from({ length: writer.events }, (_, index) => BigInt(index));
    expect(checked.offsets.get(partition) ?? []).toEqual(offsets);
  }
}

async function writeAll(setup: Setup, runs: number, pauseMs: number): Promise<void> {
  for (let n = 0; n < runs; n++) {
    await Promise.all(setup.writers.map((writer, p) => writer.write(1 + ((n + p) % 5))));
    await new Promise(resolve => setTimeout(resolve, pauseMs));
  }
}

describe('the archiver', () => {
  test('archives every committed run once, and stops cleanly', async () => {
    const setup = await setUp(2);
    const child = startProcess(setup.env);
    await writeAll(setup, 20, 200);
    const aborted = makeRun(setup.writers[0]?.end ?? chainStart, { ...runPlace(setup), partitions: 2 });
    await setup.writers[0]?.send(aborted, true);
    await writeAll(setup, 2, 10);
    expectWhole(await untilArchived(setup, [child]), setup);
    const address = `http://127.0.0.1:${/"port":(\d+)/.exec(child.output)?.[1]}`;
    expect((await fetch(`${address}/livez`)).status).toBe(200);
    expect((await fetch(`${address}/readyz`)).status).toBe(200);
    const metrics = await (await fetch(`${address}/metrics`)).text();
    expect(metrics).toMatch(/tidemark_archiver_lag_events\{partition="1"\} 0/);
    expect(metrics).toMatch(/tidemark_archiver_last_seal_age_seconds\{partition="0"\} \d/);
    expect(metrics).toMatch(/tidemark_archiver_last_batch_age_seconds \d/);
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code, child.output).toBe(0);
  });

  test('killed in the middle and started again, it loses and doubles nothing', async () => {
    const setup = await setUp(2);
    let child = startProcess(setup.env);
    const processes = [child];
    for (let round = 0; round < 3; round++) {
      await writeAll(setup, 8, 150);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await writeAll(setup, 2, 10);
      child = startProcess(setup.env);
      processes.push(child);
    }
    await writeAll(setup, 5, 150);
    expectWhole(await untilArchived(setup, processes), setup);
  });

  test('two archivers share the partitions, and a paused one does no harm when it comes back', async () => {
    const setup = await setUp(2);
    const [a, b] = [startProcess(setup.env), startProcess(setup.env)];
    await writeAll(setup, 15, 200);
    a.kill('SIGSTOP');
    await writeAll(setup, 30, 400); // past the session's timeout
    a.kill('SIGCONT');
    await writeAll(setup, 5, 200);
    expectWhole(await untilArchived(setup, [a, b]), setup);
  });

  test('leaves torn runs out and says so, and goes by the bucket where the committed offset misleads', async () => {
    const setup = await setUp(1);
    const [writer] = setup.writers;
    if (!writer) throw new Error('no writer');
    const child = startProcess(setup.env);
    await writeAll(setup, 5, 100);
    await writer.send(makeRun({ ...writer.end, lastSeal: new Uint8Array(32) }, runPlace(setup)));
    await writeAll(setup, 5, 100);
    expectWhole(await untilArchived(setup, [child]), setup);
    expect(child.output).toContain('torn: a run of the events topic is left out');
    child.kill('SIGTERM');
    await once(child, 'exit');
    const before = writer.events;
    await writeAll(setup, 3, 10);
    const admin = kafka().admin();
    await admin.connect();
    const { offset } = (await admin.fetchTopicOffsets(setup.names.events))[0] ?? { offset: '0' };
    await admin.setOffsets({
      groupId: setup.names.group,
      topic: setup.names.events,
      partitions: [{ partition: 0, offset }],
    });
    await admin.disconnect();
    await writeAll(setup, 2, 10);
    const again = startProcess(setup.env);
    const checked = await untilArchived(setup, [again]);
    expect(writer.events).toBeGreaterThan(before);
    expectWhole(checked, setup);
  });

  test('is stopped by nothing that is planted at its next keys, and the auditor finds each kind of it', async () => {
    const setup = await setUp(2);
    const child = startProcess(setup.env);
    await writeAll(setup, 3, 100);
    const { size } = await untilArchived(setup, [child]);
    const planted = await plantNext(setup, size);
    await writeAll(setup, 5, 100);
    const { checked, findings } = await untilListed(setup, [child], false);
    expectWhole(checked, setup);
    expect(checked.size).toBeGreaterThan(size);
    const found = new Set(findings.map(({ object }) => object));
    for (const [kind, keys] of Object.entries(planted)) {
      expect(
        keys.filter(key => found.has(key)),
        `${kind}: ${[...found].join(' ')}`,
      ).not.toEqual([]);
    }
    expect(child.output).toContain('it is taken by what does not verify');
    expect(child.exitCode, child.output).toBeNull();
  });

  test('refuses to start where bucket, topic or archive are not as they have to be', async () => {
    const setup = await setUp(1);
    const s3 = new S3Client(s3ConfigOf(stackEnv()));
    const plain = `plain-${setup.names.bucket}`;
    await s3.send(new CreateBucketCommand({ Bucket: plain }));
    s3.destroy();
    const failing = async (env: Record<string, string>): Promise<string> => {
      const child = startProcess({ ...setup.env, ...env });
      const [code] = await once(child, 'exit');
      expect(code, child.output).toBe(1);
      return child.output;
    };
    const unlocked = await failing({ S3_BUCKET: plain, TIDEMARK_EVENTS_TOPIC: 'no-such-topic' });
    expect(unlocked).toContain('versioning is never enabled');
    expect(unlocked).toContain('Object Lock is not enabled');
    expect(unlocked).toContain('no such topic');
    expect(await failing({ S3_BUCKET: `${plain}-not` })).toMatch(/not found, .* create it with Object Lock/);
    const child = startProcess(setup.env);
    await writeAll(setup, 2, 10);
    await untilArchived(setup, [child]);
    const other = await failing({ TIDEMARK_PERIOD: 'PT4S', TIDEMARK_GROUP: 'another' });
    expect(other).toContain('found "PT3S", TIDEMARK_PERIOD is "PT4S"');
  });
});

function runPlace({ names }: Setup): { events: number; sealedAt: number; topic: string; partitions: number } {
  return { events: 2, sealedAt: Date.now(), topic: names.raw, partitions: 1 };
}
