// The archiver, put together: a worker for each partition that the group deals to it, and a sealer.

import { checkConnection, createKafka, type RunOptions, runPartitions } from '../../core/edge/kafka/index.ts';
import type { Logger } from '../../core/edge/log.ts';
import { checkRegistry } from '../../core/edge/registry.ts';
import type { Bucket } from '../../core/edge/s3/bucket.ts';
import { openS3Bucket } from '../../core/edge/s3/s3-bucket.ts';
import { ownArchiveReader } from '../../core/edge/s3/segment-object.ts';
import { createTelemetry } from '../../core/edge/telemetry.ts';
import { openRegistry, SchemaError } from '../../schemas/index.ts';
import { beginArchive } from './archive-start.ts';
import { Backlog } from './backlog.ts';
import type { ArchiverConfig } from './config.ts';
import type { ArchiverContext } from './context.ts';
import { ArchiverError } from './error.ts';
import { type ArchiverEvents, createEvents, tellRetention } from './events.ts';
import { PartitionArchiver, type PartitionMemory } from './partition.ts';
import { parseProgress } from './progress.ts';
import { RetentionDemand } from './retention-demand.ts';
import { Sealer } from './sealer.ts';
import { SealerLoop } from './sealer-loop.ts';
import { checkStart } from './start-checks.ts';

export interface ArchiverOptions {
  readonly config: ArchiverConfig;
  readonly log: Logger;
  onFatal(error: Error): void;
  /** Told what to close at the end; the last is closed first. */
  onOpen(name: string, close: () => Promise<void>): void;
  /** Whether the program has been asked to end. */
  isStopping(): boolean;
}

/** Starts; throws SettingsError, BucketError or KafkaError where it can't. */
export async function startArchiver(options: ArchiverOptions): Promise<void> {
  const { config, log, onOpen } = options;
  const { settings } = config;
  const { retention } = settings.archive;
  tellRetention(log, retention, config.classes);
  const bucket = openS3Bucket({ ...settings.s3, mode: retention.mode });
  onOpen('bucket', async () => bucket.close());
  const kafka = createKafka(settings.kafka, log, 'tidemark-archiver');
  await checkConnection(settings.kafka, log);
  await checkRegistry(settings.registry);
  const admin = kafka.admin();
  await admin.connect();
  onOpen('admin', () => admin.disconnect());
  const partitions = await checkStart(admin, settings.archive, bucket);

  let notReady: () => string | null = () => 'starting';
  const telemetry = createTelemetry({ log, notReady: () => notReady(), beforeScrape: () => events.scrape() });
  const events = createEvents(log, telemetry.registry);
  onOpen('telemetry', () => telemetry.close());
  await telemetry.listen(settings.httpPort);
  const context = createContext(config, bucket, events);
  const sealer = new Sealer(context, await beginArchive(context));
  await sealer.refresh();

  const hints = async () => {
    const [found] = await admin.fetchOffsets({ groupId: settings.groupId, topics: [settings.archive.eventsTopic] });
    return found?.partitions ?? [];
  };
  const workers = new Map<number, PartitionArchiver>();
  const run = await runPartitions({
    kafka,
    log,
    groupId: settings.groupId,
    topic: settings.archive.eventsTopic,
    onFatal: options.onFatal,
    createWorker: workerFactory(options, context, hints, workers),
  });
  const loop = new SealerLoop(context, sealer, {
    through: async () => throughOf(partitions, await hints()),
    isFirst: () => run.partitions().includes(0),
    grown: ({ partitions: rows }) => {
      for (const row of rows) void workers.get(row.partition)?.checkListed(row);
    },
    onFatal: options.onFatal,
  });
  onOpen('sealer', () => loop.stop());
  onOpen('partitions', () => run.stop());
  loop.start();
  notReady = () => (run.ready() ? null : 'recovering');
}

function createContext(config: ArchiverConfig, bucket: Bucket, events: ArchiverEvents): ArchiverContext {
  const { settings, limits, classes } = config;
  const { archive } = settings;
  // A trial is for a day, whatever the classes say: nothing that is tried may stay for years.
  const demand = classes.length > 0 && !archive.retention.isTrial ? new RetentionDemand(classes) : undefined;
  const reader = ownArchiveReader(bucket, settings, demand && ((schemaText, datums) => demand.of(schemaText, datums)));
  return {
    bucket,
    reader,
    logKey: settings.logKey,
    retentionMs: archive.retention.duration.ms,
    demand,
    limits,
    backlog: new Backlog(1.25 * limits.segmentBytes),
    events,
    schemaText: schemaTexts(settings.registry),
    now: Date.now,
  };
}

interface CommittedHint {
  readonly partition: number;
  readonly offset: string;
  readonly metadata?: string | null;
}

/** Makes a partition's workers; `workers` holds the last one of each. */
function workerFactory(
  { config, isStopping }: ArchiverOptions,
  context: ArchiverContext,
  hints: () => Promise<readonly CommittedHint[]>,
  workers: Map<number, PartitionArchiver>,
): RunOptions['createWorker'] {
  const memories = new Map<number, PartitionMemory>();
  return (partition, { client, commitHint, fail }) => {
    const memory = memories.get(partition) ?? { hintMisleads: false, refuted: new Set() };
    memories.set(partition, memory);
    const offsets = async () => {
      const { start, end } = await client.offsets(config.settings.archive.eventsTopic, partition);
      const found = BigInt((await hints()).find(hint => hint.partition === partition)?.offset ?? '-1');
      // A hint from before the topic was created anew may lie behind its end.
      return { start, hint: found >= start && found <= end ? found : null };
    };
    const edge = { offsets, commit: commitHint, fail, stopping: isStopping };
    const worker = new PartitionArchiver(context, edge, partition, memory);
    workers.set(partition, worker);
    return worker;
  };
}

/** The time before which all partitions are through, ms; null where one has not said. */
function throughOf(partitions: number, hints: readonly CommittedHint[]): number | null {
  const times = Array.from({ length: partitions }, (_, partition) =>
    parseProgress(hints.find(hint => hint.partition === partition)?.metadata ?? undefined),
  );
  return times.reduce((least, time) => (least === null || time === null ? null : Math.min(least, time)));
}

function schemaTexts(settings: ArchiverConfig['settings']['registry']): ArchiverContext['schemaText'] {
  const registry = openRegistry(settings);
  return async id => {
    try {
      return await registry.textOf(id);
    } catch (error) {
      if (!(error instanceof SchemaError) || error.code !== 'unavailable') throw error;
      throw new ArchiverError('registry-unavailable', error.message, { cause: error });
    }
  };
}
