// An archiver with a writer in front of it that never pauses, an auditor behind it, and a lifecycle rule as a bucket has it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { Kafka, logLevel } from 'kafkajs';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { openS3Bucket, type S3Bucket } from '../../core/edge/s3/s3-bucket.ts';
import { type ChainEnd, chainAfter, chainStart } from '../../core/proof/chain.ts';
import { formatVerifierKey, type Signer } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { auditRecordText, openRegistry, subjectFor } from '../../schemas/index.ts';
import { type Kept, recordsRun } from '../retention-runs.ts';
import { createFresh, stackEnv, stackVariable } from '../stack.ts';
import { testOrigin, testSigner } from '../test-keys.ts';
import { type Ran, tidemark } from '../unit/cli/command.ts';
import { SealedWriter } from './archiver-writer.ts';

/** Polls until it answers something; throws `otherwise` at the deadline. */
export async function until<T>(
  condition: () => Promise<T | null>,
  otherwise: () => string,
  deadlineMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const found = await condition();
    if (found !== null) return found;
    if (Date.now() > deadline) throw new Error(otherwise());
    await new Promise(resolve => setTimeout(resolve, 300));
  }
}

export interface PipelineOptions {
  readonly retention: string;
  /** Text of the file of classes. */
  readonly classes?: string;
  readonly origin?: string;
  /** Of the archive; absent: a fresh one. */
  readonly bucket?: string;
  readonly prefix?: string;
}

export class Pipeline {
  readonly bucket: S3Bucket;
  readonly location: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #writer: SealedWriter;
  readonly #place: { readonly topic: string; readonly origin: string; readonly signer: Signer };
  readonly #audit: readonly string[];
  readonly #children: ChildProcess[] = [];
  output = '';
  #end: ChainEnd = chainStart;
  #next: Kept[] = [];
  #isEnded = false;
  #writing: Promise<void> = Promise.resolve();

  private constructor(parts: {
    bucket: S3Bucket;
    env: Readonly<Record<string, string>>;
    writer: SealedWriter;
    place: { readonly topic: string; readonly origin: string; readonly signer: Signer };
    audit: readonly string[];
  }) {
    this.bucket = parts.bucket;
    this.env = parts.env;
    this.#writer = parts.writer;
    this.#place = parts.place;
    this.#audit = parts.audit;
    this.location = `s3://${parts.bucket.settings.bucket}/${parts.bucket.settings.prefix}`;
  }

  static async open(options: PipelineOptions): Promise<Pipeline> {
    const names = await createFresh();
    const { origin = testOrigin, bucket: name = names.bucket, prefix = names.prefix } = options;
    const folder = mkdtempSync(join(tmpdir(), 'retention-'));
    const fileOf = (file: string, text: string) => {
      writeFileSync(join(folder, file), text);
      return join(folder, file);
    };
    const signer = testSigner(sealKeyName(origin));
    const pem = generatePem();
    const sealKeys = fileOf('normalizer.vkey', `${formatVerifierKey(signer.key)}\n`);
    const policy = fileOf('policy', `log ${formatVerifierKey(signerFromPem(origin, pem).key)}\nquorum none\n`);
    const env = {
      ...stackEnv(),
      S3_BUCKET: name,
      S3_PREFIX: prefix,
      TIDEMARK_ORIGIN: origin,
      TIDEMARK_RAW_TOPIC: names.raw,
      TIDEMARK_EVENTS_TOPIC: names.events,
      TIDEMARK_PERIOD: 'PT3S',
      TIDEMARK_GROUP: names.group,
      TIDEMARK_RETENTION: options.retention,
      TIDEMARK_RETENTION_CLASSES: options.classes === undefined ? '' : fileOf('retention.yaml', options.classes),
      TIDEMARK_LOG_KEY: pem,
      TIDEMARK_SEAL_VERIFIERS: sealKeys,
      TIDEMARK_SEGMENT_AGE: 'PT1S',
    };
    const schemaId = await openRegistry({ url: stackVariable('SCHEMA_REGISTRY_URL') }).register(
      subjectFor(names.events),
      auditRecordText,
    );
    const kafka = new Kafka({ brokers: stackVariable('KAFKA_BROKERS').split(','), logLevel: logLevel.NOTHING });
    const place = { topic: names.raw, events: names.events, partition: 0, partitions: 1, schemaId };
    const credentials = {
      accessKeyId: stackVariable('AWS_ACCESS_KEY_ID'),
      secretAccessKey: stackVariable('AWS_SECRET_ACCESS_KEY'),
    };
    const endpoint = stackVariable('S3_ENDPOINT');
    return new Pipeline({
      bucket: openS3Bucket({ bucket: name, prefix, endpoint, credentials, mode: 'COMPLIANCE' }),
      env,
      writer: await new SealedWriter(kafka, place).open(),
      place: { topic: names.raw, origin, signer },
      audit: ['--policy', policy, '--normalizer-keys', sealKeys],
    });
  }

  /** Starts another archiver. */
  start(env: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn(process.execPath, ['consumers/archiver/main.ts'], {
      env: { ...process.env, ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (this.output += String(data)));
    return child;
  }

  async stop(child: ChildProcess): Promise<number | null> {
    if (child.exitCode !== null) return child.exitCode;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    const [code] = await exit;
    return code;
  }

  /** Writes a plain event every half second, so that no partition falls silent, and between them what is asked for. */
  write(): void {
    this.#writing = (async () => {
      while (!this.#isEnded) {
        const run = recordsRun(this.#end, [{}, ...this.#next.splice(0)], { sealedAt: Date.now(), ...this.#place });
        await this.#writer.send(run);
        this.#end = chainAfter(run.seal, run.hash);
        await new Promise(resolve => setTimeout(resolve, 500));
      }
    })();
  }

  add(...records: readonly Kept[]): void {
    this.#next.push(...records);
  }

  verify(...options: readonly string[]): Promise<Ran> {
    return tidemark(['verify', this.location, ...this.#audit, ...options], { env: this.env });
  }

  /** What an object version is, and whether it is locked now. */
  async versions(prefix: string): Promise<{ key: string; versionId: string; isDeleteMarker: boolean; lock: number }[]> {
    const found = [];
    for await (const { key, versionId, isDeleteMarker } of this.bucket.versions(prefix)) {
      const lock = isDeleteMarker ? 0 : ((await this.bucket.retention(key, versionId)) ?? 0);
      found.push({ key, versionId, isDeleteMarker, lock });
    }
    return found;
  }

  /** A delete marker (without version), or the end of a version: true where the server lets it. */
  async remove(key: string, versionId?: string): Promise<boolean> {
    const { bucket: Bucket, prefix } = this.bucket.settings;
    const input = { Bucket, Key: `${prefix}/${key}`, ...(versionId !== undefined && { VersionId: versionId }) };
    return this.bucket.client.send(new DeleteObjectCommand(input)).then(
      () => true,
      () => false,
    );
  }

  async close(): Promise<void> {
    this.#isEnded = true;
    await this.#writing.catch(() => {});
    for (const child of this.#children) child.kill('SIGKILL');
    await this.#writer.close();
    this.bucket.close();
  }
}
