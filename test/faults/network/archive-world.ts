// A topic of sealed runs that goes on being written, a locked bucket behind proxies, and archivers as processes between them. In the end
// it says what is wrong with what they made: by a check of its own and by the auditor's.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { generatePem, signerFromPem } from '../../../core/edge/crypto.ts';
import { logVersions } from '../../../core/edge/s3/log-versions.ts';
import { openS3Bucket, type S3Bucket } from '../../../core/edge/s3/s3-bucket.ts';
import { archiveKey, formatArchive, parseManifest } from '../../../core/proof/batch.ts';
import { checkpointKey } from '../../../core/proof/log.ts';
import { formatVerifierKey, parseNote } from '../../../core/proof/note.ts';
import { formatTime, parseDuration, periodOf } from '../../../core/proof/period.ts';
import { createLockedBucket, s3ConfigOf } from '../../../infra/local/bucket.ts';
import { createTopics } from '../../../infra/local/topics.ts';
import { openRegistry, subjectFor } from '../../../schemas/index.ts';
import { testSchemaText } from '../../archive-events.ts';
import { SealedWriter } from '../../integration/archiver-writer.ts';
import { testKeys, testOrigin } from '../../test-keys.ts';
import { type CheckedVersion, checkArchive } from '../../unit/archiver/check-archive.ts';
import { verdictOf } from '../../unit/archiver/verdict.ts';
import { S3Proxy } from './s3-proxy.ts';

export type StackEnv = Readonly<Record<string, string>>;

export interface Archiver {
  readonly pid: number;
  readonly exited: Promise<unknown>;
  /** The end of what it has said. */
  output(): string;
  /** SIGKILL by default; resolves when it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

/** Of all worlds: they end with this process. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface WorldOptions {
  readonly partitions?: number;
  readonly period?: string;
}

/** What all locks last at least, ms: archivers may be told longer ones, never shorter. */
export const leastRetention = { text: 'PT1H', ms: 3600_000 };

export class ArchiveWorld {
  readonly bucket: S3Bucket;
  /** Objects that a test has planted: those keys may have a version more. */
  readonly planted = new Set<string>();
  readonly env: StackEnv;
  readonly #folder: string;
  readonly #pem: string;
  readonly #writers: readonly SealedWriter[];
  readonly #upstream: { readonly upstream: string; readonly bucket: string; readonly prefix: string };
  readonly #archivers = new Set<ChildProcess>();
  readonly #proxies: S3Proxy[] = [];
  #writing: Promise<void> | null = null;
  #isOver = false;
  #bytes = 0;

  private constructor(stack: StackEnv, names: Names, writers: readonly SealedWriter[], period: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'tidemark-faults-'));
    this.#pem = generatePem();
    this.#writers = writers;
    const verifiers = join(this.#folder, 'normalizer.vkey');
    writeFileSync(verifiers, `${formatVerifierKey(testKeys.seal.key)}\n`);
    this.env = {
      ...stack,
      S3_BUCKET: names.bucket,
      S3_PREFIX: names.prefix,
      TIDEMARK_ORIGIN: testOrigin,
      TIDEMARK_RAW_TOPIC: names.raw,
      TIDEMARK_EVENTS_TOPIC: names.events,
      TIDEMARK_PERIOD: period,
      TIDEMARK_GROUP: names.group,
      TIDEMARK_RETENTION: `COMPLIANCE ${leastRetention.text}`,
      TIDEMARK_LOG_KEY: this.#pem,
      TIDEMARK_SEAL_VERIFIERS: verifiers,
      TIDEMARK_SEGMENT_AGE: 'PT1S',
    };
    const { S3_ENDPOINT: upstream = '', AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = stack;
    const { bucket, prefix } = names;
    this.#upstream = { upstream, bucket, prefix };
    const credentials = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY };
    this.bucket = openS3Bucket({ bucket, prefix, endpoint: upstream, credentials, mode: 'COMPLIANCE' });
  }

  static async open(stack: StackEnv, { partitions = 2, period = 'PT2S' }: WorldOptions = {}): Promise<ArchiveWorld> {
    const names = freshNames();
    const brokers = stack.KAFKA_BROKERS ?? '';
    await createTopics(brokers, { raw: names.raw, events: names.events, partitions });
    await createLockedBucket(s3ConfigOf(stack), names.bucket);
    const registry = openRegistry({ url: stack.SCHEMA_REGISTRY_URL ?? '' });
    const schemaId = await registry.register(subjectFor(names.events), testSchemaText);
    const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
    const writers = Array.from({ length: partitions }, (_, partition) => {
      const place = { topic: names.raw, events: names.events, partition, partitions, schemaId };
      return new SealedWriter(kafka, place).open();
    });
    return new ArchiveWorld(stack, names, await Promise.all(writers), period);
  }

  async proxy(): Promise<S3Proxy> {
    const proxy = await new S3Proxy(this.#upstream).open();
    this.#proxies.push(proxy);
    return proxy;
  }

  /** A run of so many events, or a few more, into each partition, again and again, until `problems` is asked for. */
  keepWriting(pauseMs = 150, events = 1): void {
    this.#writing ??= (async () => {
      for (let n = 0; !this.#isOver; n++) {
        const runs = this.#writers.map((writer, partition) => writer.write(events + ((n + partition) % 4)));
        for (const { datums } of await Promise.all(runs)) for (const { length } of datums) this.#bytes += length;
        await delay(pauseMs);
      }
    })();
    this.#writing.catch(() => {}); // heard by who waits for it
  }

  /** As if an archiver had begun the archive so many periods ago and none had run since: the next one has them all to seal. */
  async beginAgo(periods: number): Promise<void> {
    const duration = parseDuration(this.env.TIDEMARK_PERIOD ?? '');
    const first = formatTime(periodOf(duration, Date.now() - periods * duration.ms));
    const archive = { origin: testOrigin, topic: this.env.TIDEMARK_RAW_TOPIC ?? '', duration, first };
    await this.bucket.create(archiveKey, Buffer.from(formatArchive(archive)), Date.now() + 2 * leastRetention.ms);
  }

  startArchiver(proxy: S3Proxy, more: StackEnv = {}): Archiver {
    const env = { PATH: process.env.PATH ?? '', ...this.env, S3_ENDPOINT: proxy.url, ...more };
    const child = spawn(process.execPath, ['consumers/archiver/main.ts'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#archivers.add(child);
    running.add(child);
    let output = '';
    const hear = (data: unknown) => {
      output = (output + String(data)).slice(-20_000);
    };
    for (const stream of [child.stdout, child.stderr]) stream.on('data', hear);
    const exited = new Promise<void>(resolve => {
      child.once('exit', () => {
        this.#archivers.delete(child);
        running.delete(child);
        resolve();
      });
    });
    return {
      pid: child.pid ?? 0,
      exited,
      output: () => output,
      end: async (signal = 'SIGKILL') => {
        child.kill(signal);
        await exited;
      },
    };
  }

  get events(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.events, 0);
  }

  /** Of the events that were committed. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Ends the writing and waits until the log lists all of it; answers what is wrong with the archive, empty where it is whole. */
  async problems(patienceMs = 60_000): Promise<string[]> {
    this.#isOver = true;
    await this.#writing;
    const logKey = signerFromPem(testOrigin, this.#pem).key;
    const listed = new Map<string, number>();
    for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await delay(300)) {
      await this.#readManifests(listed);
      if (
        [...listed.values()].reduce((sum, events) => sum + events, 0) >= this.events &&
        (await this.#isLogged(listed.size))
      )
        break;
    }
    // Killed, wherever they are: what grows while it is read can't be judged, and what is left half done is normal life.
    await Promise.all([...this.#archivers].map(child => endNow(child)));
    const versions = await this.#versions();
    const checked = checkArchive(versions, { logKey });
    const { findings } = await verdictOf(versions, { at: Date.now(), logKey, minRetention: leastRetention.ms });
    return [
      ...this.#proxies.flatMap(proxy => proxy.problems),
      ...checked.problems.filter(problem => !this.#isOfPlanted(problem)),
      ...this.#differences(checked.offsets),
      // The writers have stopped: that a partition is silent is true.
      ...findings
        .filter(({ code }) => code !== 'silent')
        .map(({ code, object, message }) => `verify: ${code}: ${object ?? ''}: ${message}`)
        .filter(found => !this.#isOfPlanted(found)),
    ];
  }

  /** How many events each batch lists: little to read, since the proxies of this process must not wait. */
  async #readManifests(listed: Map<string, number>): Promise<void> {
    for await (const { key } of this.bucket.versions('batches/')) {
      if (listed.has(key)) continue;
      const object = await this.bucket.read(key);
      if (object) listed.set(key, parseManifest(parseNote(object.bytes).text).events);
    }
  }

  async #isLogged(size: number): Promise<boolean> {
    const checkpoint = await this.bucket.read(checkpointKey);
    const [, found = '0'] = Buffer.from(checkpoint?.bytes ?? [])
      .toString()
      .split('\n');
    return Number(found) >= size;
  }

  /** That of each partition exactly what was committed is archived, each once and in order. */
  #differences(offsets: ReadonlyMap<number, readonly bigint[]>): string[] {
    return this.#writers.flatMap((writer, partition) => {
      const found = offsets.get(partition) ?? [];
      const isSame = found.length === writer.events && found.every((offset, index) => offset === BigInt(index));
      return isSame ? [] : [`partition ${partition}: ${found.length} events archived, ${writer.events} committed`];
    });
  }

  #isOfPlanted(text: string): boolean {
    return [...this.planted].some(key => text.includes(key));
  }

  async #versions(): Promise<CheckedVersion[]> {
    const versions: CheckedVersion[] = [];
    for await (const { key, versionId, isDeleteMarker } of logVersions(this.bucket, '')) {
      const object = isDeleteMarker ? null : await this.bucket.read(key, versionId);
      const { bytes = new Uint8Array(), retainUntil = null } = object ?? {};
      versions.push({ key, isDeleteMarker, bytes, retainUntil });
    }
    return versions;
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#writing?.catch(() => {});
    await Promise.all([...this.#archivers].map(child => endNow(child)));
    await Promise.allSettled(this.#writers.map(writer => writer.close()));
    await Promise.allSettled(this.#proxies.map(proxy => proxy.close()));
    this.bucket.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function endNow(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

interface Names {
  readonly raw: string;
  readonly events: string;
  readonly group: string;
  readonly bucket: string;
  readonly prefix: string;
}

function freshNames(): Names {
  const id = randomUUID().slice(0, 13);
  return {
    raw: `raw-${id}`,
    events: `events-${id}`,
    group: `group-${id}`,
    bucket: `bucket-${id}`,
    prefix: `prefix-${id}`,
  };
}
