// Standard output is for what was asked for, standard error for everything about it.

import { once } from 'node:events';

/** Writes, and waits where the reader is slower. */
export async function print(text: string): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** A line for people, on standard error. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** What went wrong, on standard error. */
export function warn(text: string): void {
  say(`tidemark: ${text}`);
}

/** `tidemark read … | head` is no error. */
export function endQuietlyOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

/** `1 event`, `2 events`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
