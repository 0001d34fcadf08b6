// The log, as the bucket has it: its entries and head first, since all else is measured by them; its tiles and checkpoints last.

import { parseManifest } from '../../core/proof/batch.ts';
import { equalBytes, utf8 } from '../../core/proof/bytes.ts';
import {
  type BundleVersion,
  type CheckpointVersion,
  type ResolvedLog,
  resolveLog,
} from '../../core/proof/check-log.ts';
import { parseSignedCheckpoint } from '../../core/proof/checkpoint.ts';
import { judgeSigner } from '../../core/proof/keys.ts';
import {
  checkpointKey,
  ENTRIES_LEVEL,
  formatEntry,
  formatEntryBundle,
  hashTile,
  type LogEntry,
  parseEntry,
  parseTileKey,
  sizedCheckpointKey,
  type TilePlace,
  tileKey,
  tilesAddedAt,
  tilesOf,
  tileWidth,
} from '../../core/proof/log.ts';
import { leafHash } from '../../core/proof/merkle.ts';
import { openNote, parseNote } from '../../core/proof/note.ts';
import { formatTime, manifestKey, parseDuration, parseTime } from '../../core/proof/period.ts';
import { logKeyOf } from '../../core/proof/policy.ts';
import { mapAhead } from '../read/ahead.ts';
import { type Audit, clockTolerance, Notes, whereOf } from './audit.ts';
import { textOrNull } from './inventory.ts';
import { checkLock, checkLocks, checkMarkers, checkOthers, readStored, type Stored, together } from './stored.ts';

function checkpointKeys(audit: Audit): string[] {
  const keys = audit.inventory.keys('log/checkpoint');
  return keys.filter(key => key === checkpointKey || /^log\/checkpoints\/\d{20}$/.test(key));
}

async function checkpointVersions(audit: Audit): Promise<CheckpointVersion[]> {
  const versions: CheckpointVersion[] = [];
  for await (const { key, versions: own } of mapAhead(checkpointKeys(audit), together, key => readStored(audit, key)))
    for (const { version, bytes } of own) versions.push({ key, versionId: version.versionId, bytes });
  return versions;
}

/** Enough for a log whose last checkpoints lost their tiles; a planted checkpoint has no signature and is not followed. */
const maxSizes = 4;

/** All full bundles, and the partial ones that the largest signed checkpoints end in. */
async function bundleVersions(audit: Audit, checkpoints: readonly CheckpointVersion[]): Promise<BundleVersion[]> {
  const sizes = new Set<number>();
  for (const { bytes } of checkpoints) {
    const size = sizeOf(audit, bytes);
    if (size !== null && size > 0) sizes.add(size);
  }
  const ends = [...sizes]
    .toSorted((a, b) => b - a)
    .slice(0, maxSizes)
    .flatMap(size => tilesAddedAt(size).slice(0, 1));
  const full = audit.inventory
    .keys('log/tile/entries/')
    .map(parseTileKey)
    .filter(place => place?.width === tileWidth);
  const places = new Map([...ends, ...full].filter(place => place !== null).map(place => [tileKey(place), place]));
  const bundles: BundleVersion[] = [];
  const read = async ([key, place]: [string, TilePlace]) => ({ ...place, ...(await readStored(audit, key)) });
  for await (const { key, index, width, versions } of mapAhead(places, together, read))
    for (const { bytes } of versions) bundles.push({ key, index, width, bytes });
  return bundles;
}

/** The entries that the signed manifests in the bucket give: with them a log without its tiles can be checked. */
async function entriesFromManifests(audit: Audit, firstPeriod: number | null): Promise<(Uint8Array | null)[]> {
  const byPeriod = new Map<number, Uint8Array>();
  let durationMs = 0;
  const keys = audit.inventory.keys('batches/');
  for await (const { key, versions } of mapAhead(keys, together, one => readStored(audit, one))) {
    for (const { bytes, digest } of versions) {
      try {
        const manifest = parseManifest(openNote(audit.crypto, bytes, audit.policy.logs).text);
        const period = parseTime(manifest.period) ?? 0;
        if (manifestKey(period) !== key) continue;
        durationMs = parseDuration(manifest.duration).ms;
        byPeriod.set(period, utf8(formatEntry({ ...manifest, manifest: digest })));
      } catch {
        // Not a signed manifest: said where the batches are checked.
      }
    }
  }
  const periods = [...byPeriod.keys()].toSorted((a, b) => a - b);
  const first = Math.min(periods[0] ?? 0, firstPeriod ?? Number.MAX_SAFE_INTEGER);
  const count = periods.length === 0 ? 0 : ((periods.at(-1) ?? first) - first) / durationMs + 1;
  if (!Number.isSafeInteger(count) || count > 10_000_000) return [];
  return Array.from({ length: count }, (_, k) => byPeriod.get(first + k * durationMs) ?? null);
}

/** Finds entries and head; what is wrong with them goes into the audit's notes. `first`: what archive.json says, ms. */
export async function readLog(audit: Audit, first: number | null): Promise<ResolvedLog> {
  const checkpoints = await checkpointVersions(audit);
  const bundles = await bundleVersions(audit, checkpoints);
  const direct = new Notes();
  const resolved = resolveLog(audit.crypto, audit.policy, checkpoints, bundles, [], direct);
  const disagrees = direct.findings.some(({ code }) => code === 'log-shortened' || code === 'checkpoint-inconsistent');
  if (resolved.signed && !disagrees) {
    audit.notes.add(direct);
    return resolved;
  }
  // Tiles or checkpoints are missing or altered: the manifests may still give what the checkpoints commit to.
  const rebuilt = new Notes();
  const entries = await entriesFromManifests(audit, first);
  const recovered = resolveLog(audit.crypto, audit.policy, checkpoints, bundles, entries, rebuilt);
  // A first manifest alone is an archive whose first checkpoint is still to come.
  const isWorth = recovered.signed !== null || entries.length > 1;
  const better = isWorth && recovered.entries.length > resolved.entries.length;
  audit.notes.add(better ? rebuilt : direct);
  return better ? recovered : resolved;
}

/** Parses the entries and checks that they are one a period, none left out; what can't be parsed is null. */
export function readEntries(audit: Audit, log: ResolvedLog): (LogEntry | null)[] {
  const parsed = log.entries.map((data, k) => {
    try {
      return parseEntry(textOrNull(data) ?? '');
    } catch (error) {
      audit.notes.finding(
        'entry-differs',
        { object: `log entry ${k}` },
        error instanceof Error ? error.message : String(error),
      );
      return null;
    }
  });
  const anchor = parsed.findIndex(entry => entry !== null);
  const known = parsed[anchor];
  if (!known) return parsed;
  const duration = parseDuration(known.duration);
  const first = (parseTime(known.period) ?? 0) - anchor * duration.ms;
  for (const [k, entry] of parsed.entries()) {
    if (!entry) continue;
    const expected = formatTime(first + k * duration.ms);
    const where = { object: `log entry ${k}`, period: entry.period };
    if (entry.origin !== log.origin)
      audit.notes.finding('entry-differs', where, `an entry of ${entry.origin}, expected ${log.origin}`);
    if (entry.period !== expected)
      audit.notes.finding('entry-differs', where, `the period ${entry.period}, expected ${expected}`);
    if (entry.duration !== duration.text)
      audit.notes.finding('entry-differs', where, `the duration ${entry.duration}, expected ${duration.text}`);
    if ((parseTime(entry.period) ?? 0) + duration.ms > audit.at + clockTolerance) {
      audit.notes.finding('future', where, 'the period ends after the time of verification');
    }
  }
  return parsed;
}

/** How old the head is (section 5). `first` and duration null: nothing is known of the archive's periods. */
export function checkHead(audit: Audit, log: ResolvedLog, first: number | null, durationMs: number): void {
  const patience = 2 * durationMs + 3_600_000;
  if (log.head) {
    const end = (first ?? 0) + log.head.size * durationMs;
    if (audit.at > end + patience) {
      audit.notes.finding(
        'stale',
        { object: checkpointKey },
        `the head covers all up to ${formatTime(end)}, verified as of ${formatTime(audit.at)}: what came since can't be shown`,
      );
    }
  } else if (first !== null && audit.at <= first + patience) {
    audit.notes.report('no-head-yet', { object: checkpointKey }, 'no checkpoint that the policy accepts yet');
  } else {
    audit.notes.finding('no-head', { object: checkpointKey }, 'no checkpoint that the policy accepts');
  }
}

function expectedTile(
  audit: Audit,
  place: TilePlace,
  entries: readonly Uint8Array[],
  leaves: readonly Uint8Array[],
): Uint8Array | null {
  const span = place.level === ENTRIES_LEVEL ? 1 : tileWidth ** place.level;
  const start = place.index * tileWidth;
  if ((start + place.width) * span > leaves.length) return null;
  if (place.level === ENTRIES_LEVEL) return formatEntryBundle(entries.slice(start, start + place.width));
  return hashTile(audit.crypto.sha256, leaves, place);
}

/** What a tile or checkpoint of this size must be locked until: the latest `retainUntil` listed by then. */
export type LockRule = (size: number, extended: boolean) => number;

function writtenAt({ level, index, width }: TilePlace): number {
  return (index * tileWidth + width) * (level === ENTRIES_LEVEL ? 1 : tileWidth ** level);
}

async function checkTile(
  audit: Audit,
  stored: Stored,
  place: TilePlace,
  expected: Uint8Array | null,
  rule: LockRule,
): Promise<boolean> {
  const isOwn = ({ bytes }: { bytes: Uint8Array }) => expected !== null && equalBytes(bytes, expected);
  const until = rule(writtenAt(place), place.width === tileWidth);
  checkMarkers(stored, until, audit.notes);
  const own = stored.versions.filter(isOwn);
  for (const other of stored.versions) {
    if (!isOwn(other))
      audit.notes.finding('tile-altered', whereOf(other.version), 'a tile that leads to no signed root');
  }
  if (own.length === 0) return false;
  checkOthers({ ...stored, versions: own }, isOwn, audit.notes);
  await checkLocks(audit, own, until, audit.notes);
  return true;
}

/** Every stored tile leads to a signed root (or is the next, pending), and none that the log needs is missing. */
export async function checkTiles(
  audit: Audit,
  log: ResolvedLog,
  pendingEntry: Uint8Array | null,
  rule: LockRule,
): Promise<void> {
  const needed = new Set(tilesOf(log.entries.length).map(tileKey));
  const next = new Set(tilesAddedAt(log.entries.length + 1).map(tileKey));
  const entries = pendingEntry ? [...log.entries, pendingEntry] : log.entries;
  const leaves = pendingEntry ? [...log.leaves, leafHash(audit.crypto.sha256, pendingEntry)] : log.leaves;
  const stored = new Set(audit.inventory.keys('log/tile/'));
  const check = async (key: string): Promise<Notes> => {
    const apart = { ...audit, notes: new Notes() };
    const place = parseTileKey(key);
    if (!place) return apart.notes;
    audit.inventory.account(key);
    const versions = await readStored(apart, key);
    const isBehind = writtenAt(place) > log.entries.length;
    const expected = isBehind && !next.has(key) ? null : expectedTile(audit, place, entries, leaves);
    const found = await checkTile(apart, versions, place, expected, rule);
    if (found && isBehind) apart.notes.report('pending', { object: key }, 'the next tile, behind the log');
    if (!found && needed.has(key))
      apart.notes.finding('tile-missing', { object: key }, 'a tile that the log needs is missing');
    return apart.notes;
  };
  for await (const notes of mapAhead(new Set([...stored, ...needed]), together, check)) audit.notes.add(notes);
}

/** The checkpoints' objects: none missing, `checkpoint` not behind, each lock as long as it must be. */
export async function checkCheckpoints(
  audit: Audit,
  log: ResolvedLog,
  first: number | null,
  durationMs: number,
  rule: LockRule,
): Promise<void> {
  const size = log.entries.length;
  const check = async (key: string): Promise<Notes> => {
    const apart = { ...audit, notes: new Notes() };
    const stored = await readStored(apart, key);
    let newest: number | null = null;
    for (const { version, bytes } of stored.versions) {
      const signed = sizeOf(apart, bytes);
      if (signed === null) continue;
      newest ??= signed;
      checkLogKey(apart, bytes, (first ?? 0) + (signed - 1) * durationMs, durationMs, key);
      await checkLock(apart, version, rule(signed, false), apart.notes);
    }
    checkMarkers(stored, rule(newest ?? size, false), apart.notes);
    if (key === checkpointKey) checkNewest(apart, newest, size);
    return apart.notes;
  };
  const keys = checkpointKeys(audit);
  for (const key of keys) audit.inventory.account(key);
  for await (const notes of mapAhead(keys, together, check)) audit.notes.add(notes);
  if (size === 0) return;
  if (!audit.inventory.isAccounted(checkpointKey)) checkNewest(audit, null, size);
  const sized = await readStored(audit, sizedCheckpointKey(size));
  if (sized.versions.length === 0)
    audit.notes.finding(
      'checkpoint-missing',
      { object: sizedCheckpointKey(size) },
      "the log's own checkpoint is not kept by its size",
    );
}

/** The size that a checkpoint states under the log's signature, or null. */
function sizeOf(audit: Audit, bytes: Uint8Array): number | null {
  try {
    const checkpoint = parseSignedCheckpoint(bytes);
    return logKeyOf(audit.crypto, audit.policy, checkpoint) ? checkpoint.size : null;
  } catch {
    return null;
  }
}

function checkNewest(audit: Audit, newest: number | null, size: number): void {
  const where = { object: checkpointKey };
  if ((newest ?? 0) === size) return;
  if ((newest ?? 0) === size - 1)
    audit.notes.report('pending', where, `it stands at size ${newest ?? 0}, one behind the log`);
  else if (newest === null)
    audit.notes.finding('checkpoint-missing', where, `there is none, the log has ${size} entries`);
  else if (newest < size)
    audit.notes.finding('checkpoint-behind', where, `it stands at size ${newest}, the log has ${size} entries`);
}

/** Whether the log's key was valid for the period of what it signed (`period`: its start, ms), where the auditor gave periods. */
export function checkLogKey(audit: Audit, bytes: Uint8Array, period: number, durationMs: number, object: string): void {
  if (!audit.logKeys) return;
  try {
    const judged = judgeSigner(audit.crypto, parseNote(bytes), audit.logKeys, period, durationMs);
    if (judged === 'valid') return;
    const where = { object, period: formatTime(period) };
    const how =
      judged === 'outside' ? 'by a log key outside the periods that it is valid for' : 'by none of the log keys given';
    audit.notes.finding('key-outside-periods', where, `signed ${how}`);
  } catch {
    // Unsigned: said elsewhere.
  }
}
