// One object among the versions that are stored under its key (archive format, section 6): which version is the archive's, what
// else lies there, whether it is hidden, and how long it is locked. An attacker can add versions and delete markers, not remove
// what is locked.

import { hex } from '../../core/proof/bytes.ts';
import type { Where } from '../../core/proof/finding.ts';
import { formatTime } from '../../core/proof/period.ts';
import type { ObjectVersion } from '../store.ts';
import { type Audit, Notes, whereOf } from './audit.ts';

/** A version whose bytes were read. */
export interface StoredVersion {
  readonly version: ObjectVersion;
  /** Hex SHA256 of its bytes. */
  readonly digest: string;
}

/** A version with its bytes. */
export interface StoredBytes extends StoredVersion {
  readonly bytes: Uint8Array;
}

/** What lies under a key. */
export interface Stored<V extends StoredVersion = StoredBytes> {
  readonly key: string;
  /** Versions with bytes, the newest first. */
  readonly versions: readonly V[];
  readonly markers: readonly ObjectVersion[];
  /** What is known of what it holds, for what is said of it. */
  readonly where: Where;
}

/** Reads all versions of a key. */
export async function readStored(audit: Audit, key: string, where: Where = {}): Promise<Stored> {
  const read = async (bytes: Uint8Array) => ({ bytes, digest: hex(audit.crypto.sha256(bytes)) });
  return readVersions(audit, key, where, read);
}

/** As {@link readStored}, with what `read` makes of each version's bytes. */
export async function readVersions<T extends { readonly digest: string }>(
  audit: Audit,
  key: string,
  where: Where,
  read: (bytes: Uint8Array) => Promise<T>,
): Promise<Stored<T & StoredVersion>> {
  const all = await audit.inventory.versions(key);
  const versions: (T & StoredVersion)[] = [];
  for (const version of all) {
    if (version.isDeleteMarker) continue;
    const bytes = await audit.store.read(key, version.versionId);
    if (bytes) versions.push({ ...(await read(bytes)), version });
  }
  return { key, versions, markers: all.filter(version => version.isDeleteMarker), where };
}

/** Objects that are read at a time, where many small ones are: a bucket answers each in tens of milliseconds. */
export const together = 32;

/** Says what lies beside the archive's own version: other bytes are a finding, the same again a report. */
export function checkOthers<V extends StoredVersion>(
  stored: Stored<V>,
  isOwn: (one: V) => boolean,
  notes: Notes,
): void {
  const own = stored.versions.filter(isOwn);
  for (const other of stored.versions) {
    if (isOwn(other)) continue;
    notes.finding(
      'further-version',
      { ...stored.where, ...whereOf(other.version) },
      `a version with other bytes (SHA256 ${other.digest}) lies beside the archive's own`,
    );
  }
  if (own.length > 1)
    notes.report('same-bytes', { ...stored.where, object: stored.key }, `${own.length} versions hold the same bytes`);
}

/** Delete markers that were placed while the object had to be kept (`until`, ms). */
export function checkMarkers(stored: Stored<StoredVersion>, until: number, notes: Notes): void {
  for (const marker of stored.markers) {
    if (marker.lastModified >= until) continue;
    const times = `placed at ${formatTime(marker.lastModified)}, to be kept until ${formatTime(until)}`;
    notes.finding('hidden', { ...stored.where, ...whereOf(marker) }, `a delete marker hides it: ${times}`);
  }
}

/** Whether a version is locked firmly enough until `until` (ms) at least; nothing is asked once that is past. */
export async function checkLock(
  audit: Audit,
  version: ObjectVersion,
  until: number,
  notes: Notes,
  about: Where = {},
): Promise<void> {
  if (!audit.canReadLocks || audit.at >= until) return;
  const where = { ...about, ...whereOf(version) };
  const retention = await audit.store.retention(version.key, version.versionId);
  const mode = audit.lockMode ?? 'COMPLIANCE';
  const wanted = `expected ${mode} until ${formatTime(until)}`;
  if (!retention) notes.finding('lock-short', where, `it has no lock, ${wanted}`);
  else if (retention.mode !== 'COMPLIANCE' && retention.mode !== mode)
    notes.finding('lock-short', where, `its lock is ${retention.mode}, which some may lift, ${wanted}`);
  else if (retention.until < until)
    notes.finding('lock-short', where, `it is locked until ${formatTime(retention.until)}, ${wanted}`);
}

/** As {@link checkLock}, where several versions hold the archive's bytes: one that is locked long enough will do. */
export async function checkLocks(
  audit: Audit,
  own: readonly StoredVersion[],
  until: number,
  notes: Notes,
  about: Where = {},
): Promise<void> {
  let first: Notes | undefined;
  for (const { version } of own) {
    const tried = new Notes();
    await checkLock(audit, version, until, tried, about);
    if (tried.findings.length === 0) return;
    first ??= tried;
  }
  if (first) notes.add(first);
}

/** Markers, other versions and lock of an object whose own version is known by its digest. */
export async function checkKept<V extends StoredVersion>(
  audit: Audit,
  stored: Stored<V>,
  digest: string,
  until: number,
  notes: Notes,
): Promise<V | null> {
  checkMarkers(stored, until, notes);
  const own = stored.versions.filter(one => one.digest === digest);
  if (own.length === 0) return null;
  checkOthers(stored, one => one.digest === digest, notes);
  await checkLocks(audit, own, until, notes, stored.where);
  return own[0] ?? null;
}

/** An object that nothing lists yet: how long it is to be kept, only its own lock says. */
export async function checkUnlistedKept(
  audit: Audit,
  stored: Stored<StoredVersion>,
  digest: string,
  notes: Notes,
): Promise<void> {
  checkOthers(stored, one => one.digest === digest, notes);
  const own = stored.versions.find(one => one.digest === digest);
  if (!audit.canReadLocks || !own) return;
  const retention = await audit.store.retention(stored.key, own.version.versionId);
  const where = { ...stored.where, ...whereOf(own.version) };
  if (!retention) notes.finding('lock-short', where, 'it has no lock');
  else checkMarkers(stored, retention.until, notes);
}
