/** Where it is kept what is known of a configuration, from one start to the next. */
import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AuditError } from '../error.ts';
import { syncDirectory } from '../spool/segment.ts';

/** For those who have no disk that lasts. What is kept holds the key of the prints, and clear values: it is confidential. */
export interface ConfigurationStore {
  /** What was written last; null or undefined: nothing yet. */
  read(): Promise<string | null | undefined>;
  /** Replaces it as a whole or not at all; resolves when it outlives a crash. */
  write(text: string): Promise<void>;
}

/** A file that only its owner may read: written aside, made durable, put in place. Its folder has to be there. */
export function fileStore(path: string): ConfigurationStore {
  return { read: () => readIfThere(path), write: text => replace(path, text) };
}

/** The store with its errors as AuditError `store-unusable`. */
export function guarded(store: ConfigurationStore, name: string): ConfigurationStore {
  const attempt = async <T>(verb: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw unusable(name, `can't be ${verb} (${why}), expected a place that lasts and is this service's own`, cause);
    }
  };
  return {
    read: () => attempt('read', async () => store.read()),
    write: text => attempt('written', async () => store.write(text)),
  };
}

export function unusable(name: string, what: string, cause?: unknown): AuditError {
  return new AuditError('store-unusable', `The store of the configuration, ${name}: ${what}`, { cause });
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function replace(path: string, text: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    const file = await open(aside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}
