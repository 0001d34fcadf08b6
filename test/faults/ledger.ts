// What a producer knows of its events, in a file that outlives it: a line before each call, a line after it. The checker reads it, so this
// imports nothing of the pipeline's.
//
//   I <instance>          the instance under which it numbers its events
//   T <number> <key>      about to be recorded
//   A <number>            acknowledged
//   F <number>            failed for certain: no broker has it
//   U <number>            unknown: told so, after an attempt that nobody answered
//   E                     ended, and said so in the archive
//
// A number that was tried and has no outcome is as good as unknown: its producer was killed.

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

export type Outcome = 'acknowledged' | 'failed' | 'unknown';

export interface LedgerEntry {
  readonly key: string;
  outcome: Outcome;
}

export interface Ledger {
  readonly producer: string;
  readonly instances: readonly string[];
  readonly entries: ReadonlyMap<number, LedgerEntry>;
  readonly ended: boolean;
}

export interface LedgerWriter {
  instance(id: string): void;
  trying(number: number, key: string): void;
  settled(number: number, outcome: Outcome): void;
  ended(): void;
}

const letters = { acknowledged: 'A', failed: 'F', unknown: 'U' } as const;

/** Opens a ledger to write; each line is with the system before the call returns, so SIGKILL takes none back. */
export function writeLedger(path: string): LedgerWriter {
  const file = openSync(path, 'a');
  const line = (text: string): void => void writeSync(file, `${text}\n`);
  return {
    instance: id => line(`I ${id}`),
    trying: (number, key) => line(`T ${number} ${key}`),
    settled: (number, outcome) => line(`${letters[outcome]} ${number}`),
    ended: () => {
      line('E');
      closeSync(file);
    },
  };
}

/** Reads a ledger; its last line may be cut off, as its writer may have been. */
export function readLedger(path: string, producer: string): Ledger {
  const entries = new Map<number, LedgerEntry>();
  const instances: string[] = [];
  let ended = false;
  for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    const [letter, first = '', key = ''] = line.split(' ');
    if (letter === 'I') instances.push(first);
    else if (letter === 'E') ended = true;
    else if (letter === 'T') entries.set(Number(first), { key, outcome: 'unknown' });
    else {
      const entry = entries.get(Number(first));
      if (!entry) throw new Error(`${path}: an outcome of number ${first}, which was never tried`);
      entry.outcome = letter === 'A' ? 'acknowledged' : letter === 'F' ? 'failed' : 'unknown';
    }
  }
  return { producer, instances, entries, ended };
}
