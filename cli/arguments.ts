// Arguments as commander wants them parsed: what is wrong is said with the option's name, and ends the command with 2.

import { InvalidArgumentError } from 'commander';
import { parseInstant } from '../auditor/read/index.ts';
import { parseKeep } from '../core/edge/retention.ts';

/** What `parse` makes of an argument; its error as commander's. */
export function argument<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

/** A parser of times, in microseconds since 1970. */
export function microsArgument(option: string): (text: string) => bigint {
  return text => argument(() => parseInstant(text, option));
}

/** A parser of times, in milliseconds since 1970. */
export function timeArgument(option: string): (text: string) => number {
  return text => argument(() => Number(parseInstant(text, option) / 1000n));
}

/** A duration such as P400D, PT1H or P7Y, in milliseconds. */
export function durationArgument(text: string): number {
  return argument(() => parseKeep(text).ms);
}

/** A number of things, 1 or more. */
export function countArgument(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('expected a whole number above 0');
}
