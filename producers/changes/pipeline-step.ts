/** A command of a pipeline as two audit events: before it starts, and how it ended. */
import { randomUUID } from 'node:crypto';
import type { AuditInput, Auditor } from '../sdk/index.ts';
import type { CommandEnd } from './run-command.ts';

export interface Step {
  readonly command: readonly string[];
  /** What it is called; the program's name if not said. */
  readonly name?: string | undefined;
  /** The service that it changes, if it is one. */
  readonly service?: string | undefined;
}

export interface StepEnd {
  readonly end: CommandEnd;
  /** What could not be recorded, and why; empty: both events are in Kafka. */
  readonly unrecorded: readonly Error[];
}

export interface StepOptions {
  /** Nothing runs whose start could not be recorded: `start`'s failure is thrown. */
  readonly strict: boolean;
  run(command: readonly string[]): Promise<CommandEnd>;
}

/** The two events of a command; `end` undefined: it could not be started. */
export interface StepEvents {
  start(): AuditInput;
  finish(end: CommandEnd | undefined): AuditInput | Promise<AuditInput>;
}

/** Records the start, runs the command, records its end. A command that can't be started ends as failed, and throws. */
export async function runStep(
  auditor: Pick<Auditor, 'record'>,
  command: readonly string[],
  events: StepEvents,
  options: StepOptions,
): Promise<StepEnd> {
  const unrecorded: Error[] = [];
  const record = async (event: AuditInput): Promise<void> => {
    try {
      await auditor.record(event);
    } catch (error) {
      unrecorded.push(error instanceof Error ? error : new Error(String(error)));
    }
  };
  await record(events.start());
  if (options.strict && unrecorded[0] !== undefined) throw unrecorded[0];
  let end: CommandEnd;
  try {
    end = await options.run(command);
  } catch (error) {
    await record(await events.finish(undefined));
    throw error;
  }
  await record(await events.finish(end));
  return { end, unrecorded };
}

/** As `pipeline-step.start` and `pipeline-step.finish`. */
export function stepEvents(step: Step): StepEvents {
  const id = randomUUID();
  return { start: () => eventOf('start', id, step, null), finish: end => eventOf('finish', id, step, end) };
}

/** What is told of a command; `end` is null before it. */
export function commandFields(command: readonly string[], end: CommandEnd | null | undefined) {
  return {
    outcome: end === null || end?.exitCode === 0 ? ('success' as const) : ('failure' as const),
    attributes: {
      command: command.join(' '),
      'exit-code': end?.exitCode,
      signal: end?.signal ?? undefined,
      'duration-ms': end?.durationMs,
    },
  };
}

function eventOf(verb: 'start' | 'finish', id: string, step: Step, end: CommandEnd | null | undefined): AuditInput {
  const { command, service } = step;
  const targets = [{ type: 'pipeline-step', id, name: step.name ?? command[0] }];
  if (service !== undefined) targets.push({ type: 'service', id: service, name: undefined });
  return { action: `pipeline-step.${verb}`, targets, ...commandFields(command, end) };
}
