import type { Command } from 'commander';
import { stepEvents } from '../../producers/changes/index.ts';
import { withPublisherOptions } from '../publisher.ts';
import { type RecordedCommandOptions, runRecorded, strictOption } from '../recorded-command.ts';

type Options = RecordedCommandOptions & { name?: string; service?: string };

const examples = `
The command's input and output are untouched, and its exit code is ours. Two events are recorded: pipeline-step.start before
it starts, pipeline-step.finish with exit code and duration behind it. Who runs it is known by the job's ID token (GitHub
Actions with id-token: write; GitLab CI with an id_tokens entry TIDEMARK_ID_TOKEN) or by TIDEMARK_API_KEY; docs/changes.md
has examples. The command line is recorded: well-known secrets in it are masked, others are not.

Exit codes: the command's; 2 where it was not run, or, with --strict, where its end could not be recorded.

Example:
  $ tidemark run --service billing --environment production -- ./deploy.sh`;

export function addRun(program: Command): void {
  const command = program
    .command('run')
    .summary('run a command of a pipeline, and record it')
    .description('Runs a command and records it, its exit code and its duration, under the identity of the runner.')
    .argument('<command...>', 'the command and its arguments, behind --')
    .passThroughOptions()
    .option('--name <text>', "what the step is called; default: the program's name")
    .option('--service <name>', 'the service that it changes')
    .addOption(strictOption());
  withPublisherOptions(command).addHelpText('after', examples).action(run);
}

async function run(command: string[], options: Options): Promise<void> {
  await runRecorded(command, options, async () => stepEvents({ command, ...options }));
}
