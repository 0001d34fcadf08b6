// A command that is run and recorded: its input, output and exit code are its own, whatever becomes of the events.

import { Option } from 'commander';
import { AuditorError } from '../auditor/error.ts';
import { CREDENTIAL_VARIABLES, runCommand, runStep, type StepEvents } from '../producers/changes/index.ts';
import type { Identity } from '../producers/identity/index.ts';
import { warn } from './output.ts';
import { type PublisherOptions, publishing } from './publisher.ts';

export type RecordedCommandOptions = PublisherOptions & { readonly strict?: true };

export const strictOption = (): Option =>
  new Option('--strict', 'run nothing that can not be recorded; without it a failure to record is only said');

/** Runs it, without the credentials by which it is recorded. `events`: what is told of it, under this identity. */
export async function runRecorded(
  command: readonly string[],
  options: RecordedCommandOptions,
  events: (identity: Identity) => Promise<StepEvents>,
): Promise<void> {
  const { strict = false } = options;
  const hidden = CREDENTIAL_VARIABLES.map(variable => [variable, undefined]);
  const env = { ...process.env, ...Object.fromEntries(hidden) };
  const { end, unrecorded } = await publishing(options, async (auditor, identity) =>
    runStep(auditor, command, await events(identity), { strict, run: words => runCommand(words, env) }),
  );
  process.exitCode = end.exitCode;
  if (unrecorded.length === 0) return;
  for (const error of unrecorded) warn(`the step was run and not recorded: ${error.message}`);
  if (strict && end.exitCode === 0)
    throw new AuditorError('unavailable', 'the command succeeded, but its end could not be recorded (--strict)');
}
