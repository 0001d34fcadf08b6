import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { AuditorError } from '../../auditor/error.ts';
import { formatYamlProblem, readYaml } from '../../core/edge/yaml-file.ts';
import { type ConfigurationOptions, recordConfiguration } from '../../producers/sdk/index.ts';
import { print, say } from '../output.ts';
import { type PublisherOptions, publishing, withPublisherOptions } from '../publisher.ts';

type Options = PublisherOptions &
  Omit<ConfigurationOptions, 'store' | 'service'> & { store: string; service: string; envPrefix?: string };

const examples = `
The first time configuration.create is recorded with all values, then configuration.change with those that were changed, added or
removed, and nothing where none was. Values are told by hashes; those of secret fields (password, token, apiKey, …) not at all.

Examples:
  $ tidemark record configuration values.yaml --service billing --environment production \\
      --store billing.configuration.json --clear 'log.*' --reference OPS-12
  $ tidemark record configuration --env-prefix BILLING_ --service billing --store /var/lib/billing/configuration.json`;

export function addRecordConfiguration(record: Command): void {
  const command = record
    .command('configuration')
    .summary('record what changed in a configuration since the last time')
    .description("Records what changed in a service's configuration since the last time, and prints the event's id.")
    .argument('[file]', 'the configuration, YAML or JSON')
    .option('--env-prefix <prefix>', 'instead of a file: the variables whose names begin so')
    .requiredOption('--service <name>', 'the service whose configuration it is, as its own events name it')
    .requiredOption('--store <file>', 'where it is kept what was recorded last; of this configuration alone')
    .option('--clear <glob...>', 'paths whose values may be told in clear, such as log.*')
    .option('--name <name>', 'of several configurations of the service, which one')
    .option('--reference <text>', 'a ticket or a pull request')
    .option('--run <address>', "address of the pipeline run; default: the one that the runner's credential names")
    .option('--approval <id>', 'what approved it, such as the id of a review')
    .option('--reason <text>', 'why');
  withPublisherOptions(command).addHelpText('after', examples).action(configuration);
}

async function configuration(file: string | undefined, options: Options): Promise<void> {
  const { service, store, clear, name, reference, run, approval, reason } = options;
  const values = await readValues(file, options.envPrefix);
  const id = await publishing(options, (auditor, { change }) => {
    const said = { service, name, reference, run: run ?? change?.run, approval, reason };
    return recordConfiguration(auditor, values, { store, clear, ...said });
  });
  if (id === null) {
    say(`unchanged: nothing to record of the configuration of ${service}`);
    return;
  }
  say(`recorded: the configuration of ${service}`);
  await print(`${id}\n`);
}

async function readValues(file: string | undefined, prefix: string | undefined): Promise<object> {
  if (file === undefined && prefix !== undefined) {
    return Object.fromEntries(Object.entries(process.env).filter(([variable]) => variable.startsWith(prefix)));
  }
  if (file === undefined || prefix !== undefined)
    throw new AuditorError('bad-argument', 'expected a file, or --env-prefix for variables, and not both');
  const text = await readFile(file, 'utf8').catch(cause => {
    throw new AuditorError('unavailable', `${file} can't be read (${cause.code})`, { cause });
  });
  const { data, problems } = readYaml(text, z.unknown());
  if (problems.length > 0)
    throw new AuditorError('bad-argument', problems.map(one => formatYamlProblem(file, one)).join('\n'));
  if (typeof data === 'object' && data !== null) return data;
  throw new AuditorError(
    'bad-argument',
    `${file}: found a single value (not shown), expected a map of names and values`,
  );
}
