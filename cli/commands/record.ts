import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  commitsBetween,
  type Deployment,
  type DeploymentStep,
  deploymentEvent,
} from '../../producers/changes/index.ts';
import { print, say } from '../output.ts';
import { type PublisherOptions, publishing, withPublisherOptions } from '../publisher.ts';
import { addRecordConfiguration } from './record-configuration.ts';
import { addRecordMigration } from './record-migration.ts';

type Options = PublisherOptions &
  Omit<Deployment, 'previousVersion' | 'commits'> & { previous?: string; previousCommit?: string };

const examples = `
finish and roll-back put a version in force: later events of that service and environment name it as the live change.

Examples:
  $ tidemark record deployment start --service billing --environment production --version 4.2.0 --previous 4.1.9
  $ tidemark record deployment finish --service billing --environment production --version 4.2.0 --previous 4.1.9 \\
      --commit 9f1c2ab --previous-commit 77ab01c --approval review/812
  $ tidemark record deployment roll-back --service billing --environment production --version 4.1.9 --previous 4.2.0 \\
      --reason 'refunds fail'`;

export function addRecord(program: Command): void {
  const record = program.command('record').description('Records a change to a system as an audit event.');
  const command = record
    .command('deployment')
    .summary('record that a deployment started, finished or was rolled back')
    .description(
      "Records a step of a service's deployment, under the identity of the runner, and prints the event's id.",
    )
    .argument('<step>', 'start, finish or roll-back', stepArgument)
    .requiredOption('--service <name>', 'the service that is deployed, as its own events name it')
    .option('--version <version>', 'the version that is to run, or runs now')
    .option('--previous <version>', 'the version that ran before')
    .option('--commit <id>', 'the commit that is to run, or runs now')
    .option('--previous-commit <id>', 'the commit that ran before: the commits between are read from git and recorded')
    .addOption(new Option('--outcome <outcome>', 'how it ended').choices(['success', 'denied', 'failure']))
    .option('--reference <text>', 'a ticket or a pull request')
    .option('--run <address>', "address of the pipeline run; default: the one that the runner's credential names")
    .option('--approval <id>', 'what approved it, such as the id of a review')
    .option('--reason <text>', 'why');
  withPublisherOptions(command).addHelpText('after', examples).action(deployment);
  addRecordMigration(record);
  addRecordConfiguration(record);
}

const STEPS: readonly DeploymentStep[] = ['start', 'finish', 'roll-back'];

function stepArgument(text: string): DeploymentStep {
  const step = STEPS.find(one => one === text);
  if (step) return step;
  throw new InvalidArgumentError(`expected ${STEPS.join(', ')}`);
}

async function deployment(step: DeploymentStep, options: Options): Promise<void> {
  const { previous, previousCommit, ...said } = options;
  const { commit } = said;
  const commits = previousCommit && commit ? await commitsBetween(previousCommit, commit, process.cwd()) : undefined;
  const id = await publishing(options, (auditor, { change }) =>
    auditor.record(deploymentEvent(step, { run: change?.run, ...said, previousVersion: previous, commits })),
  );
  say(`recorded: deployment.${step} of ${said.service}`);
  await print(`${id}\n`);
}
