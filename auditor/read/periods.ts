// The archive's periods in order, each with its manifest: as the log commits to them or, where no log can be trusted, as
// they lie there.

import { type Manifest, parseManifest } from '../../core/proof/batch.ts';
import { textOf } from '../../core/proof/bytes.ts';
import { type LogEntry, parseEntry } from '../../core/proof/log.ts';
import { parseNote } from '../../core/proof/note.ts';
import { manifestKey, parseDuration, parseTime } from '../../core/proof/period.ts';
import type { ArchiveStore } from '../store.ts';
import { mapAhead } from './ahead.ts';
import type { Log } from './head.ts';
import { readByDigest } from './versions.ts';

export interface Period {
  /** Its index in the log; -1 where none is trusted. */
  readonly index: number;
  readonly entry: LogEntry | null;
  /** Start and end, ms. */
  readonly start: number;
  readonly end: number;
  readonly key: string;
  readonly manifest: Manifest | null;
  /** Why there is no manifest. */
  readonly problem: string | null;
}

/** Whether a period has to be looked at; the last one always is, as it tells where the chains stand. */
export type Wanted = (entry: LogEntry, index: number) => boolean;

/** Periods of a log that is trusted, in order, those that are wanted. */
export async function* loggedPeriods(store: ArchiveStore, log: Log, wanted: Wanted): AsyncGenerator<Period> {
  const entries = log.entries
    .map((bytes, index) => ({ parsed: entryOf(bytes), index }))
    .filter(({ parsed, index }) => 'problem' in parsed || index === log.entries.length - 1 || wanted(parsed, index));
  yield* mapAhead(entries, 8, async ({ parsed, index }) =>
    'problem' in parsed ? unreadablePeriod(parsed.problem, index) : loggedPeriod(store, parsed, index),
  );
}

function entryOf(bytes: Uint8Array): LogEntry | { readonly problem: string } {
  try {
    return parseEntry(textOf(bytes));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** A log may commit to what is no entry: what that period held is then not known, and the rest is read. */
function unreadablePeriod(problem: string, index: number): Period {
  return { index, entry: null, start: 0, end: 0, key: `log entry ${index}`, manifest: null, problem };
}

/** One period of the log, with the manifest that its entry commits to. */
async function loggedPeriod(store: ArchiveStore, entry: LogEntry, index: number): Promise<Period> {
  const start = parseTime(entry.period) ?? 0;
  const key = manifestKey(start);
  const period = { index, entry, start, end: start + parseDuration(entry.duration).ms, key };
  const found = await readByDigest(store, key, entry.manifest);
  if (found.state === 'missing') return { ...period, manifest: null, problem: 'the manifest is missing' };
  if (found.state === 'other')
    return { ...period, manifest: null, problem: 'the manifest is not the one that the log commits to' };
  return { ...period, ...manifestOf(found.bytes) };
}

/** Manifests as they lie in the bucket: nothing is proven by them. */
export async function* unloggedPeriods(store: ArchiveStore): AsyncGenerator<Period> {
  for await (const version of store.list('batches/')) {
    if (!version.isLatest || version.isDeleteMarker) continue;
    const bytes = await store.read(version.key, version.versionId);
    if (!bytes) continue;
    const { manifest, problem } = manifestOf(bytes);
    const start = (manifest && parseTime(manifest.period)) ?? 0;
    const end = manifest ? start + parseDuration(manifest.duration).ms : 0;
    yield { index: -1, entry: null, start, end, key: version.key, manifest, problem };
  }
}

function manifestOf(bytes: Uint8Array): { manifest: Manifest | null; problem: string | null } {
  try {
    return { manifest: parseManifest(parseNote(bytes).text), problem: null };
  } catch (error) {
    return { manifest: null, problem: error instanceof Error ? error.message : String(error) };
  }
}
