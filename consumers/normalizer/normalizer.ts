// The normalizer, from its settings to its running partitions. `main.ts` runs it as a program; tests run it as it is.

import type { Kafka } from 'kafkajs';
import type { Registry as Metrics } from 'prom-client';
import {
  checkConnection,
  createKafka,
  describeError,
  type RunningPartitions,
  runPartitions,
} from '../../core/edge/kafka/index.ts';
import type { Logger } from '../../core/edge/log.ts';
import { checkRegistry } from '../../core/edge/registry.ts';
import { SettingsError } from '../../core/edge/settings.ts';
import { createTelemetry } from '../../core/edge/telemetry.ts';
import {
  auditEventText,
  auditRecordText,
  openRegistry,
  type Registry,
  SchemaError,
  subjectFor,
} from '../../schemas/index.ts';
import type { ReadArchive } from './archive.ts';
import { openCatalogue } from './catalogue.ts';
import type { NormalizerSettings } from './config.ts';
import type { NormalizerContext } from './context.ts';
import { openEnrichers } from './enrich/index.ts';
import { createEvents, type NormalizerEvents } from './events.ts';
import { createHeartbeats } from './heartbeat.ts';
import { openRing } from './keys.ts';
import { type OwnEvents, openOwnEvents } from './own-events.ts';
import { PartitionNormalizer } from './partition.ts';
import type { Parts } from './pipeline.ts';
import { openPolicy } from './policy-in-force.ts';
import { createRoom, MAX_RAW_BYTES } from './room.ts';
import { openSources, ownService } from './sources/index.ts';
import { checkStart } from './start-checks.ts';
import { createWriterSchemas } from './writer-schema.ts';

export interface NormalizerOptions {
  readonly settings: NormalizerSettings;
  readonly log: Logger;
  readonly archive: Pick<ReadArchive, 'check' | 'end'>;
  onFatal(error: Error): void;
  /** Something to close at the end; called as soon as it is open, the last is to be closed first. */
  onOpen(name: string, close: () => Promise<void>): void;
  readonly sessionTimeoutMs?: number;
}

export interface RunningNormalizer {
  readonly httpPort: number;
  readonly running: RunningPartitions;
}

/** Checks the world, then joins the group. Throws SettingsError, SchemaError or what Kafka says. */
export async function startNormalizer(options: NormalizerOptions): Promise<RunningNormalizer> {
  const { settings, log, onOpen } = options;
  const { archive, groupId } = settings;
  const kafka = createKafka(settings.kafka, log, groupId);
  await checkConnection(settings.kafka, log);
  await checkRegistry(settings.registry);
  const { retentionMs, maxMessageBytes } = await checkStart(kafka, archive, await options.archive.check(), log);
  const schemas = await prepareSchemas(openRegistry(settings.registry), settings, log);

  let running: RunningPartitions | undefined;
  const ends = await watchEnds(kafka, archive.rawTopic);
  onOpen('offsets', ends.close);
  const telemetry = createTelemetry({
    log,
    notReady: () => (running?.ready() ? null : 'partitions are not recovered yet'),
    beforeScrape: async () => events.scrape(await ends.read(), retentionMs),
  });
  const events = createEvents(log, telemetry.registry);
  onOpen('http', telemetry.close);
  const httpPort = await telemetry.listen(settings.httpPort);

  const source = { service: groupId, signer: settings.sealKey };
  const own = openOwnEvents(kafka, { topic: archive.rawTopic, schemaId: schemas.eventId, source });
  onOpen('own events', own.close);
  const parts = await openParts(options, { kafka, events, own, registry: telemetry.registry });
  const heartbeats = createHeartbeats({
    own,
    log,
    topic: archive.rawTopic,
    periodMs: archive.period.ms,
    onFailure: events.heartbeatFailed,
  });
  const context: NormalizerContext = {
    settings,
    kafka,
    events,
    heartbeats,
    parts,
    writers: createWriterSchemas(schemas.registry, { onWait: events.registryWaits }),
    room: createRoom(maxMessageBytes),
    schemaId: schemas.recordId,
    schemaText: schemas.recordText,
    archiveEnd: options.archive.end,
  };
  running = await runPartitions({
    kafka,
    log,
    groupId,
    topic: archive.rawTopic,
    limits: { maxRecordBytes: MAX_RAW_BYTES },
    createWorker: (partition, worker) => new PartitionNormalizer(context, worker, partition),
    onFatal: options.onFatal,
    ...(options.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: options.sessionTimeoutMs }),
  });
  onOpen('partitions', () => running?.stop() ?? Promise.resolve());
  return { httpPort, running };
}

type PartsContext = { kafka: Kafka; events: NormalizerEvents; own: OwnEvents; registry: Metrics };

/** What events go through on their way, each opened and checked before the first record is read. */
async function openParts({ settings, log, onOpen }: NormalizerOptions, context: PartsContext): Promise<Parts> {
  const { kafka, events, own, registry } = context;
  const { groupId, policy: path, services: paths, actions, sealVerifiers } = settings;
  const policy = openPolicy({ path, groupId, events, own });
  onOpen('policy', async () => policy.close());
  const sources = paths && (await openSources({ paths, own: ownService(groupId, sealVerifiers), events }));
  if (sources) onOpen('registered services', async () => sources.close());
  const catalogue = actions && (await openCatalogue({ paths: actions, events }));
  if (catalogue) onOpen('catalogues', async () => catalogue.close());
  const enrichers = await openEnrichers(settings.enrichment, { kafka, log, registry });
  onOpen('enrichers', enrichers.close);
  const keys = await openRing(settings, log, events);
  if (keys) {
    events.keysOpened(() => keys.ring.size);
    onOpen('keys', async () => keys.close());
  }
  return {
    policy: policy.current,
    services: sources?.current ?? null,
    actions: catalogue?.current ?? null,
    enrichers,
    ring: keys?.ring ?? null,
  };
}

const registryPatienceMs = 60_000;

/** Registers both schemas, or looks them up, and fetches the text that seals commit to. Waits a while for a registry that is down. */
async function prepareSchemas(
  registry: Registry,
  { archive, registry: { registration } }: NormalizerSettings,
  log: Logger,
) {
  for (const deadline = Date.now() + registryPatienceMs; ; ) {
    try {
      const eventId = await registry.register(subjectFor(archive.rawTopic), auditEventText);
      const recordId = await registry.register(subjectFor(archive.eventsTopic), auditRecordText);
      return { registry, eventId, recordId, recordText: await registry.textOf(recordId) };
    } catch (error) {
      if (error instanceof SchemaError && error.code === 'unavailable' && Date.now() < deadline) {
        log.warn({ error: describeError(error) }, 'waiting for the registry');
        await new Promise(resolve => setTimeout(resolve, 1000));
        continue;
      }
      const advice = registration === 'lookup' ? 'Schemas are only looked up (SCHEMA_REGISTRATION).' : '';
      const expected = 'a registry that knows, or takes, the schemas of both topics';
      throw new SettingsError([{ name: 'SCHEMA_REGISTRY_URL', found: describeError(error), expected, advice }]);
    }
  }
}

/** Where the raw topic's partitions end, asked for when metrics are. */
async function watchEnds(kafka: Kafka, topic: string) {
  const admin = kafka.admin();
  await admin.connect();
  return {
    read: async () =>
      new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, BigInt(high)])),
    close: () => admin.disconnect(),
  };
}
