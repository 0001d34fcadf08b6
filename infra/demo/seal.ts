// Watching the evidence become an archive: each batch as the log commits to it, until all that was published is in one.

import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { createKafka } from '../../core/edge/kafka/index.ts';
import { kafkaSettings } from '../../core/edge/settings.ts';
import { type Manifest, parseArchive, parseManifest } from '../../core/proof/batch.ts';
import { parseSignedCheckpoint } from '../../core/proof/checkpoint.ts';
import { checkpointKey } from '../../core/proof/log.ts';
import { parseNote } from '../../core/proof/note.ts';
import { manifestKey, parseTime } from '../../core/proof/period.ts';
import { getObject } from './bucket.ts';
import { DemoError } from './error.ts';
import type { Program } from './programs.ts';
import { pair, plural, say } from './screen.ts';
import type { World } from './world.ts';

const LIMIT_MS = 120_000;
const POLL_MS = 250;

/** Where each raw partition ends now: what lies below was published before. */
export async function rawEnds(
  world: Pick<World, 'rawTopic'> & { env: Pick<World['env'], 'producers'> },
): Promise<Map<number, bigint>> {
  const log = pino({ level: 'silent' });
  const admin = createKafka(kafkaSettings(world.env.producers), log, 'tidemark-demo').admin();
  try {
    await admin.connect();
    const ends = await admin.fetchTopicOffsets(world.rawTopic);
    return new Map(ends.map(({ partition, offset }) => [partition, BigInt(offset)]));
  } finally {
    await admin.disconnect();
  }
}

/** Resolves once the normalizer has passed all that was published before: what comes now is marked by that. */
export async function whenPassed(world: World, normalizer: Program): Promise<void> {
  const published = [...(await rawEnds(world)).values()].reduce((sum, end) => sum + end, 0n);
  for (const deadline = Date.now() + LIMIT_MS; ; await delay(POLL_MS)) {
    normalizer.checkRuns();
    const metrics = await (await fetch(`${normalizer.url}/metrics`)).text();
    const passed = /^tidemark_normalizer_events_total (\d+)$/m.exec(metrics)?.[1] ?? '0';
    if (BigInt(passed) >= published) return;
    if (Date.now() > deadline) throw new DemoError('timeout', `not all events had passed after ${LIMIT_MS / 1000} s`);
  }
}

/** Shows batches as they are logged, from an entry on; answers with the next when the last one's rows reach the ends. */
export async function watchSealing(
  world: World,
  ends: ReadonlyMap<number, bigint>,
  running: readonly Program[],
  from = 0,
): Promise<number> {
  const deadline = Date.now() + LIMIT_MS;
  let shown = from;
  let last: Manifest | undefined;
  while (last === undefined || !reaches(last, ends)) {
    for (const program of running) program.checkRuns();
    if (Date.now() > deadline) throw new DemoError('timeout', `not all events were sealed after ${LIMIT_MS / 1000} s`);
    const size = await logSize(world);
    if (shown >= size) await delay(POLL_MS);
    for (; shown < size && (last === undefined || !reaches(last, ends)); shown += 1) {
      last = await manifestAt(world, shown);
      show(shown, last);
    }
  }
  say();
  return shown;
}

const reaches = (manifest: Manifest, ends: ReadonlyMap<number, bigint>): boolean =>
  [...ends].every(([partition, end]) => (manifest.partitions[partition]?.next ?? 0n) >= end);

async function logSize(world: World): Promise<number> {
  const checkpoint = await getObject(world, checkpointKey);
  return checkpoint === undefined ? 0 : Number(parseSignedCheckpoint(checkpoint.bytes).size);
}

/** The batch of the log's k-th entry. Nothing is verified here: that is for the auditor. */
async function manifestAt(world: World, index: number): Promise<Manifest> {
  const archive = parseArchive(await textOf(world, 'archive.json'));
  const start = (parseTime(archive.first) ?? 0) + index * archive.duration.ms;
  const note = parseNote(new TextEncoder().encode(await textOf(world, manifestKey(start))));
  return parseManifest(note.text);
}

async function textOf(world: World, key: string): Promise<string> {
  const object = await getObject(world, key);
  if (object === undefined) throw new DemoError('step-failed', `the log commits to ${key}, which is not there`);
  return new TextDecoder().decode(object.bytes);
}

function show(index: number, { period, events, seals, partitions, root }: Manifest): void {
  const segments = partitions.reduce((sum, row) => sum + row.segments.length, 0);
  const hash = Buffer.from(root).toString('hex').slice(0, 12);
  pair(
    `entry ${index}  ${period.slice(11)}`,
    `${plural(events, 'event')} in ${plural(seals, 'run')}, ${plural(segments, 'segment')}, root ${hash}…`,
    24,
  );
}
