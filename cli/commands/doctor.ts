import type { Command } from 'commander';
import { diagnose } from '../../auditor/doctor/diagnose.ts';
import { sayDiagnosis } from '../../auditor/doctor/say.ts';
import { openStore } from '../../auditor/open.ts';
import { topicSettings } from '../../core/edge/settings.ts';
import { durationArgument } from '../arguments.ts';
import { print } from '../output.ts';
import { openTopics, searched } from '../topics.ts';
import { keysHelp, policyHelp, trustFrom } from '../trust.ts';

type Options = { event: string; since: number; policy?: string; normalizerKeys?: string };

const examples = `
Looks for the event in the raw topic, in the events topic and, if a location is given, in the archive, as far back as --since
says. A record that was refused is found by its place, and the rule that it broke is said. Servers are those of KAFKA_BROKERS
and SCHEMA_REGISTRY_URL, topics TIDEMARK_RAW_TOPIC and TIDEMARK_EVENTS_TOPIC.

Exit codes: 0 it is on its way, or there; 1 it was refused, or does not prove; 2 it is nowhere, or could not be looked for.

Example:
  $ tidemark doctor s3://audit/prod --event 019b8e1c-7b9a-7c61-8f0e-6a2f3c4d5e6f --since PT2H --policy policy \\
      --normalizer-keys normalizer.vkey`;

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('say where an event is')
    .description('Says where an event is: sent, sealed, archived and proven, or refused and why.')
    .argument('[location]', 's3://bucket/prefix or a folder; left out: the archive is not looked at')
    .requiredOption('--event <id>', 'id of the event, as record answers it')
    .option('--since <duration>', 'how far back to look, such as P1D', durationArgument, 3_600_000)
    .option('--policy <file>', policyHelp)
    .option('--normalizer-keys <file>', keysHelp)
    .addHelpText('after', examples)
    .action(doctor);
}

async function doctor(location: string | undefined, options: Options): Promise<void> {
  const settings = topicSettings(process.env);
  const { rawTopic, eventsTopic } = settings;
  const archive =
    location === undefined ? null : { store: openStore(location, process.env), trust: trustFrom(options) };
  const topics = await openTopics(settings, 'tidemark-doctor');
  const since = Date.now() - options.since;
  const found = await diagnose({
    id: options.event,
    searched: searched(topics, since),
    rawTopic,
    eventsTopic,
    archive,
  });
  const { lines, verdict } = sayDiagnosis(found, new Date(since).toISOString());
  await print(`${lines.join('\n')}\n`);
  process.exitCode = { fine: 0, wrong: 1, absent: 2 }[verdict];
}
