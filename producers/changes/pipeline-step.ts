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

/** Records the start, runs the command, records its end. A command that can't be started ends as failed, and throws. */
export async function runStep(auditor: Pick<Auditor, 'record'>, step: Step, options: StepOptions): Promise<StepEnd> {
  const id = randomUUID();
  const unrecorded: Error[] = [];
  const record = async (event: AuditInput): Promise<void> => {
    try {
      await auditor.record(event);
    } catch (error) {
      unrecorded.push(error instanceof Error ? error : new Error(String(error)));
    }
  };
  await record(eventOf('start', id, step, null));
  if (options.strict && unrecorded[0] !== undefined) throw unrecorded[0];
  let end: CommandEnd;
  try {
    end = await options.run(step.command);
  } catch (error) {
    await record(eventOf('finish', id, step, undefined));
    throw error;
  }
  await record(eventOf('finish', id, step, end));
  return { end, unrecorded };
}

/** `end`: null before it, undefined where the command could not be started. */
function eventOf(verb: 'start' | 'finish', id: string, step: Step, end: CommandEnd | null | undefined): AuditInput {
  const { command, service } = step;
  const targets = [{ type: 'pipeline-step', id, name: step.name ?? command[0] }];
  if (service !== undefined) targets.push({ type: 'service', id: service, name: undefined });
  return {
    action: `pipeline-step.${verb}`,
    outcome: end === null || end?.exitCode === 0 ? 'success' : 'failure',
    targets,
    attributes: {
      command: command.join(' '),
      'exit-code': end?.exitCode,
      signal: end?.signal ?? undefined,
      'duration-ms': end?.durationMs,
    },
  };
}
