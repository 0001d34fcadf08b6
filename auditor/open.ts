// From what an auditor types to the archive behind it.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AuditorError } from './error.ts';
import { FolderStore } from './folder-store.ts';
import { openS3Store } from './s3-store.ts';
import type { ArchiveStore } from './store.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Opens `s3://bucket/prefix` (with `S3_ENDPOINT` and the AWS SDK's variables from `env`) or a folder that holds a copy of
 * the objects. Throws AuditorError: `bad-argument` for a location that is neither, `no-archive` for a folder without one.
 * A bucket is not touched yet: what is wrong with it shows at the first access.
 */
export function openStore(location: string, env: Env): ArchiveStore {
  if (location.startsWith('s3://')) return openS3Store(location, env);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(location))
    throw new AuditorError(
      'bad-argument',
      `found the location ${location}, expected s3://bucket/prefix or the path of a folder`,
    );
  const found = statSync(location, { throwIfNoEntry: false });
  if (!found)
    throw new AuditorError(
      'no-archive',
      `there is no folder ${location}: give the folder that holds archive.json, or s3://bucket/prefix`,
    );
  if (!found.isDirectory())
    throw new AuditorError('bad-argument', `${location} is a file: give the folder that holds archive.json`);
  const names = namesIn(location);
  // archive.json itself may be what is missing: that is for the verifier to say.
  if (!['archive.json', 'log', 'batches', 'events'].some(name => names.includes(name))) refuse(location, names);
  return new FolderStore(location, location);
}

function refuse(location: string, names: readonly string[]): never {
  const below = names.includes('objects') ? join(location, 'objects') : location;
  const archives = namesIn(below).filter(name =>
    statSync(join(below, name, 'archive.json'), { throwIfNoEntry: false }),
  );
  const hint =
    archives.length === 0
      ? 'no archive.json, log, batches or events are in it: give the folder that holds archive.json'
      : `did you mean ${archives.map(name => join(below, name)).join(' or ')}?`;
  throw new AuditorError('no-archive', `${location} is not an archive: ${hint}`);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new AuditorError('no-access', `the folder ${folder} can't be read: ${cause}`, { cause });
  }
}
