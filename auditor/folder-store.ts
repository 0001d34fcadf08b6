// An archive's copy in a folder: its objects as files under their keys. No versions and no locks, so a verifier can't say
// anything of those. Keys come from the archive itself, which may be hostile: none leads out of the folder.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AuditorError } from './error.ts';
import type { ArchiveStore, MissingPermission, ObjectVersion, Retention } from './store.ts';

/** Folders below each other; a link that leads to a folder above itself ends here. */
const maxDepth = 40;

export class FolderStore implements ArchiveStore {
  readonly location: string;
  readonly hasLocks = false;
  readonly #root: string;

  /** `location` is how it was given; `root` the path of the folder that holds archive.json. */
  constructor(location: string, root: string) {
    this.location = location;
    this.#root = root;
  }

  async *list(prefix: string): AsyncGenerator<ObjectVersion> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    if (isPlainKey(`${folder}x`)) yield* this.#walk(folder, prefix, 0);
  }

  async *#walk(folder: string, prefix: string, depth: number): AsyncGenerator<ObjectVersion> {
    if (depth > maxDepth)
      throw new AuditorError(
        'unavailable',
        `${join(this.#root, folder)} is more than ${maxDepth} folders deep: is there a link to a folder above it?`,
      );
    for (const name of await this.#names(folder)) {
      const key = folder + name;
      if (!key.startsWith(prefix) && !prefix.startsWith(key)) continue;
      if (name.endsWith('/')) yield* this.#walk(key, prefix, depth + 1);
      else if (key.startsWith(prefix)) yield* this.#version(key);
    }
  }

  /** Names in a folder in the order of their keys: a folder's sort with its slash. */
  async #names(folder: string): Promise<string[]> {
    const entries = await this.#tried(folder, path => readdir(path, { withFileTypes: true }));
    const names = await Promise.all(
      (entries ?? []).map(async entry => {
        const isFolder = entry.isSymbolicLink()
          ? ((await this.#tried(folder + entry.name, path => stat(path)))?.isDirectory() ?? false)
          : entry.isDirectory();
        return isFolder ? `${entry.name}/` : entry.name;
      }),
    );
    return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  async *#version(key: string): AsyncGenerator<ObjectVersion> {
    const found = await this.#tried(key, path => stat(path));
    if (!found?.isFile()) return;
    yield {
      key,
      versionId: null,
      isLatest: true,
      isDeleteMarker: false,
      size: found.size,
      lastModified: Math.trunc(found.mtimeMs),
    };
  }

  async read(key: string, _versionId: string | null = null): Promise<Uint8Array | null> {
    if (!isPlainKey(key)) return null;
    // Not a pipe or a device: reading one might never end.
    const found = await this.#tried(key, path => stat(path));
    return found?.isFile() ? this.#tried(key, path => readFile(path)) : null;
  }

  async retention(): Promise<Retention | null> {
    return null;
  }

  async missingPermissions(): Promise<readonly MissingPermission[]> {
    return [];
  }

  async #tried<T>(key: string, action: (path: string) => Promise<T>): Promise<T | null> {
    const path = join(this.#root, key);
    try {
      return await action(path);
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
      if (['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes(code)) return null;
      if (code === 'EACCES' || code === 'EPERM')
        throw new AuditorError('no-access', `${path} may not be read: give this user the right to read it`, { cause });
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new AuditorError('unavailable', `${path} can't be read: ${why}`, { cause });
    }
  }
}

/** Whether a key stays in the folder and names one file in it. */
function isPlainKey(key: string): boolean {
  return !key.includes('\0') && key.split('/').every(part => part !== '' && part !== '.' && part !== '..');
}
