// A source that is files, read again when they change. A state that can't be read is never taken: the last good one stays, and
// somebody is told, once for each error. Files are looked at in intervals, not watched by the system: a mounted configuration
// (Kubernetes swaps a symbolic link) and network file systems send no notices.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type SettingProblem, SettingsError } from './settings-reader.ts';

export interface FileSourceOptions<T> {
  /** The files it consists of now. */
  list(): Promise<readonly string[]>;
  /** Reads them; throws where they are broken. */
  read(paths: readonly string[]): Promise<T>;
  onReload(value: T): void;
  /** The files are broken or gone; what was read before stays. */
  onBroken(error: unknown): void;
  /** 0: only `check` looks. */
  readonly intervalMs: number;
}

export class FileSource<T> {
  readonly #options: FileSourceOptions<T>;
  #value: T;
  /** Of the files that were last read; empty: they were broken and are looked at again. */
  #signature: string;
  /** Of the files as the last look found them. Only what has not changed since is read: the first half of a file may well be valid. */
  #pending = '';
  #lastError = '';
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: FileSourceOptions<T>, value: T, signature: string) {
    this.#options = options;
    this.#value = value;
    this.#signature = signature;
    this.#later();
  }

  /** Throws what `list` and `read` throw. */
  static async open<T>(options: FileSourceOptions<T>): Promise<FileSource<T>> {
    const paths = await options.list();
    const signature = await signatureOf(paths);
    return new FileSource(options, await options.read(paths), signature);
  }

  /** As `open`, of the files that a setting names: throws SettingsError with all that is wrong in them. */
  static async openSetting<T>(
    setting: Pick<SettingProblem, 'name' | 'expected'>,
    options: FileSourceOptions<T>,
  ): Promise<FileSource<T>> {
    try {
      return await FileSource.open(options);
    } catch (error) {
      if (error instanceof SettingsError) throw error;
      const found = error instanceof Error ? error.message : String(error);
      throw new SettingsError([{ ...setting, found, advice: '' }]);
    }
  }

  /** What was last read without an error. */
  get value(): T {
    return this.#value;
  }

  /** Reads the files again where they changed and then stayed as they are until the next look. Never throws. */
  async check(): Promise<void> {
    try {
      const paths = await this.#options.list();
      const signature = await signatureOf(paths);
      if (signature === this.#signature) return;
      const isSettled = signature === this.#pending;
      this.#pending = signature;
      if (!isSettled) return;
      // Taken before reading: a file that changes meanwhile is read once more.
      this.#signature = signature;
      this.#value = await this.#options.read(paths);
      this.#lastError = '';
      this.#options.onReload(this.#value);
    } catch (error) {
      this.#broken(error);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #broken(error: unknown): void {
    this.#signature = '';
    if (this.#lastError === String(error)) return;
    this.#lastError = String(error);
    this.#options.onBroken(error);
  }

  #later(): void {
    const { intervalMs } = this.#options;
    if (intervalMs === 0 || this.#closed) return;
    this.#timer = setTimeout(() => void this.check().finally(() => this.#later()), intervalMs);
    this.#timer.unref();
  }
}

async function signatureOf(paths: readonly string[]): Promise<string> {
  const lines = await Promise.all(
    paths.map(async path => {
      const { mtimeMs, size, ino } = await stat(path);
      return `${path} ${mtimeMs} ${size} ${ino}`;
    }),
  );
  return lines.join('\n');
}

/** The files that settings name, folders by those in them whose names match. */
export async function filesAt(paths: readonly string[], names: RegExp): Promise<string[]> {
  const files = await Promise.all(
    paths.map(async path => {
      if (!(await stat(path)).isDirectory()) return [path];
      const inside = (await readdir(path)).filter(name => names.test(name)).sort();
      return inside.map(name => join(path, name));
    }),
  );
  return files.flat();
}
