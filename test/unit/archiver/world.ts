// An archiver's world in memory: a topic of sealed runs, a locked bucket with faults, a clock that is turned by hand.

import { beginArchive } from '../../../consumers/archiver/archive-start.ts';
import { Backlog } from '../../../consumers/archiver/backlog.ts';
import type { ArchiverContext } from '../../../consumers/archiver/context.ts';
import type { ArchiverEvents } from '../../../consumers/archiver/events.ts';
import { PartitionArchiver, type PartitionMemory } from '../../../consumers/archiver/partition.ts';
import { Sealer } from '../../../consumers/archiver/sealer.ts';
import { nodeDecompress } from '../../../core/edge/compression.ts';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import type { FetchedBatch } from '../../../core/edge/kafka/index.ts';
import { archiveReader } from '../../../core/edge/s3/segment-object.ts';
import { type ChainEnd, chainAfter, chainStart } from '../../../core/proof/chain.ts';
import { parseDuration } from '../../../core/proof/period.ts';
import { SEAL_HEADER } from '../../../core/proof/seal.ts';
import { testSchemaText } from '../../archive-events.ts';
import { type MadeRun, makeRun } from '../../integration/archiver-writer.ts';
import { MemoryBucket } from '../../memory-bucket.ts';
import { testKeys, testOrigin } from '../../test-keys.ts';

export const period = parseDuration('PT10S');
export const start = Date.parse('2026-03-01T12:00:00Z');
export const retentionMs = 30 * 24 * 3600_000;

interface Stored {
  readonly value: Buffer;
  readonly headers: readonly (readonly [string, Buffer])[];
}

export class World {
  now = start;
  readonly bucket = new MemoryBucket(() => this.now);
  readonly topics = new Map<number, Stored[]>();
  readonly hints = new Map<number, bigint>();
  /** The end of each partition's committed chain. */
  readonly ends = new Map<number, ChainEnd>();
  readonly alarms: string[] = [];
  readonly torn: string[] = [];
  readonly failures: string[] = [];
  segmentBytes = 1 << 20;
  backlogBytes = 64 << 20;
  /** Whether one sealer seals all the time, as in a process that lives on; else each time a new one. */
  keepsSealer = false;
  #sealer: Sealer | null = null;

  /** Commits the next run of a partition's chain, sealed `at` ms after the start. */
  write(
    partition: number,
    events: number,
    at: number,
    how: { partitions?: number; generation?: number; first?: bigint } = {},
  ): MadeRun {
    const end = this.ends.get(partition) ?? chainStart;
    const run = makeRun(end, { events, sealedAt: start + at, partition, partitions: 2, ...how });
    this.ends.set(partition, chainAfter(run.seal, run.hash));
    this.append(partition, run);
    return run;
  }

  /** Commits a run whether it joins or not. */
  append(partition: number, run: MadeRun, count = run.datums.length, schemaId = 7): void {
    const log = this.topics.get(partition) ?? [];
    this.topics.set(partition, log);
    for (const [index, datum] of run.datums.slice(0, count).entries()) {
      const value = Buffer.concat([Buffer.from([0, 0, 0, 0, schemaId]), datum]);
      const headers = index === run.datums.length - 1 ? ([[SEAL_HEADER, Buffer.from(run.note)]] as const) : [];
      log.push({ value, headers });
    }
  }

  context(bucket = this.bucket): ArchiverContext {
    const reader = archiveReader({
      bucket,
      crypto: nodeCrypto,
      decompress: nodeDecompress,
      origin: testOrigin,
      topic: 'audit.raw',
      duration: period,
      sealKeys: [testKeys.seal.key],
      logKeys: [testKeys.log.key],
    });
    return {
      bucket,
      reader,
      logKey: testKeys.log,
      retentionMs,
      limits: { segmentBytes: this.segmentBytes, segmentAgeMs: 3_600_000 },
      backlog: new Backlog(this.backlogBytes),
      events: this.#events(),
      schemaText: async () => testSchemaText,
      now: () => this.now,
    };
  }

  #events(): ArchiverEvents {
    const nothing = () => {};
    return {
      recovered: nothing,
      left: nothing,
      read: nothing,
      torn: (partition, offset, why) => void this.torn.push(`${partition} ${offset} ${why}`),
      segmentWritten: nothing,
      segmentAdopted: nothing,
      sealed: nothing,
      locksExtended: nothing,
      sealerFailed: nothing,
      alarm: (kind, key) => void this.alarms.push(`${kind} ${key}`),
      scrape: nothing,
    };
  }

  /**
   * A partition's worker reads all that is committed, and ends as at SIGTERM. An error that asks for it makes a new worker, as the Kafka
   * edge does; a Crash goes through.
   */
  async archive(partition: number, context = this.context(), memory: PartitionMemory = newMemory()): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const worker = new PartitionArchiver(context, this.#edge(partition), partition, memory);
      try {
        const from = await worker.start();
        await worker.onBatch(this.#batch(partition, from));
        await worker.stop();
        return;
      } catch (error) {
        const retry =
          typeof error === 'object' && error !== null && 'disposition' in error && error.disposition === 'retry';
        if (!retry || attempt > 5) throw error;
      }
    }
  }

  /** A worker of the partition that has read all that is committed, and lives on. */
  async worker(partition: number, context = this.context()): Promise<PartitionArchiver> {
    const worker = new PartitionArchiver(context, this.#edge(partition), partition, newMemory());
    await worker.onBatch(this.#batch(partition, await worker.start()));
    return worker;
  }

  #edge(partition: number) {
    return {
      offsets: async () => {
        const hint = this.hints.get(partition) ?? null;
        const end = BigInt(this.topics.get(partition)?.length ?? 0);
        return { start: 0n, hint: hint !== null && hint <= end ? hint : null };
      },
      commit: async ({ offset }: { offset: bigint }) => void this.hints.set(partition, offset),
      fail: (error: unknown) => void this.failures.push(String(error)),
      stopping: () => true,
    };
  }

  #batch(partition: number, from: bigint): FetchedBatch {
    const log = this.topics.get(partition) ?? [];
    const records = log.slice(Number(from)).map((stored, index) => ({
      offset: from + BigInt(index),
      timestamp: this.now,
      logAppendTime: true,
      key: null,
      ...stored,
    }));
    const next = BigInt(log.length);
    return {
      topic: 'audit.events',
      partition,
      first: from,
      next,
      records,
      groups: [],
      skipped: 0n,
      lost: 0n,
      highWatermark: next,
      logStart: 0n,
    };
  }

  /** A sealer seals all periods that have ended. */
  async seal(context = this.context()): Promise<void> {
    const sealer = this.#sealer ?? new Sealer(context, await beginArchive(context));
    if (this.keepsSealer) this.#sealer = sealer;
    await sealer.refresh();
    while (sealer.nextEnd <= this.now) await sealer.sealNext();
  }
}

export function newMemory(): PartitionMemory {
  return { hintMisleads: false, refuted: new Set() };
}
