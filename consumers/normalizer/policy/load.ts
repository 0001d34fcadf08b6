// The policy file, watched. Each instance of the normalizer reads its own copy, and for a moment they may differ: which one was applied
// is in every record.
//
// The file is read again and again rather than watched by the system: mounted volumes swap links, editors rename, network shares say
// nothing. A new text counts once it was read twice alike, since half of a file may be a valid policy that demands less.

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { PolicyError } from './error.ts';
import { DEFAULT_POLICY, type LoadedPolicy, parsePolicyFile } from './policy.ts';

export interface PolicySource {
  /** The policy in force. */
  current(): LoadedPolicy;
  /** Why the file as it is now is not in force; null: it is. */
  problem(): PolicyError | null;
  close(): void;
}

export interface PolicyOptions {
  /** Null: the default policy. */
  readonly path: string | null;
  /** Another policy has come into force. */
  onChange(from: LoadedPolicy, to: LoadedPolicy): void;
  /** The file can't be read or breaks rules: the policy before it stays in force. Told once for each such state: an alarm. */
  onBroken(error: PolicyError, inForce: LoadedPolicy): void;
  readonly pollMs?: number;
}

/** Loads the policy and watches its file; throws PolicyError where there is no valid one to begin with. */
export function loadPolicy(options: PolicyOptions): PolicySource {
  const { path, pollMs = 2000 } = options;
  if (path === null) {
    const policy = parsePolicyFile(DEFAULT_POLICY, 'the default policy');
    return { current: () => policy, problem: () => null, close: () => {} };
  }
  let current = parsePolicyFile(readNow(path), path);
  let problem: PolicyError | null = null;
  const settles = createSettling();

  const take = (read: Read): void => {
    if (read === current.text) problem = null;
    if (!settles(read) || read === current.text) return;
    const before = current;
    try {
      if (typeof read !== 'string') throw read;
      current = parsePolicyFile(read, path);
      problem = null;
    } catch (error) {
      problem = error instanceof PolicyError ? error : unreadable(path, error);
      options.onBroken(problem, before);
      return;
    }
    options.onChange(before, current);
  };

  let timer: NodeJS.Timeout;
  let closed = false;
  const plan = (): void => {
    timer = setTimeout(async () => {
      const read = await readFile(path, 'utf8').catch((error: unknown) => unreadable(path, error));
      if (closed) return;
      take(read);
      plan();
    }, pollMs);
    timer.unref();
  };
  plan();
  return {
    current: () => current,
    problem: () => problem,
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** A text, or why there is none. */
type Read = string | PolicyError;

/** Answers whether what was read is the same for the second time: once, until something else is read. */
function createSettling(): (read: Read) => boolean {
  let last: string | null = null;
  let times = 0;
  return read => {
    const key = typeof read === 'string' ? `text ${read}` : `error ${read.message}`;
    times = key === last ? times + 1 : 1;
    last = key;
    return times === 2;
  };
}

function readNow(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): PolicyError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'an error';
  const found = `a file that can't be read (${code})`;
  return new PolicyError('unreadable', path, [{ line: null, path: '', found, expected: 'a policy' }], { cause });
}
