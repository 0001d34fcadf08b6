import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { findRecords } from '../../auditor/doctor/find-record.ts';
import { AuditorError } from '../../auditor/error.ts';
import { evaluateGate, type GateSubject } from '../../auditor/gate/evaluate.ts';
import { parseGateRules } from '../../auditor/gate/rules.ts';
import { openStore } from '../../auditor/open.ts';
import { printable, readEvents } from '../../auditor/read/index.ts';
import { topicSettings } from '../../core/edge/settings.ts';
import { durationArgument } from '../arguments.ts';
import { print, warn } from '../output.ts';
import { openTopics, searched } from '../topics.ts';
import { keysHelp, policyHelp, trustFrom } from '../trust.ts';

type Options = GateSubject & { rules: string; policy?: string; normalizerKeys?: string } & { since: number };

const examples = `
Looks for the events that the rules demand, about the service, version, environment, commit and reference that are given, in the
events topic (KAFKA_BROKERS, SCHEMA_REGISTRY_URL, TIDEMARK_EVENTS_TOPIC), or, where a location is given, in the archive: there only
events count that are proven, which needs --policy and --normalizer-keys. docs/gate.md has the rules.

Exit codes: 0 all rules are fulfilled; 1 one is not, and the line says why; 2 it could not be looked for.

Example:
  $ tidemark gate --rules gate.yaml --service billing --version 1.4.0 --commit 3f2a9c1 --environment production && ./deploy.sh`;

export function addGate(program: Command): void {
  program
    .command('gate')
    .summary('let a deployment pass only where the events that it requires are there')
    .description('Says whether the events that a deployment requires are there, by the right people.')
    .argument('[location]', 's3://bucket/prefix or a folder; left out: the events topic is looked at')
    .requiredOption('--rules <file>', 'what is required')
    .option('--service <name>', 'what is to be deployed')
    .option('--version <name>', 'its version')
    .option('--environment <name>', 'where to')
    .option('--commit <id>', 'of which commit')
    .option('--reference <text>', 'by which ticket or pull request')
    .option('--since <duration>', 'how far back to look, such as P30D', durationArgument, 7 * 24 * 3_600_000)
    .option('--policy <file>', policyHelp)
    .option('--normalizer-keys <file>', keysHelp)
    .addHelpText('after', examples)
    .action(gate);
}

async function gate(location: string | undefined, options: Options): Promise<void> {
  const { rules: path, since, policy, normalizerKeys, ...subject } = options;
  const rules = parseGateRules(readRules(path), path);
  const now = Date.now();
  // What a rule asks for and nobody gave is told before anything is read.
  evaluateGate(rules, subject, [], now);
  const values =
    location === undefined ? await fromTopic(now - since) : await fromArchive(location, options, now - since);
  const results = evaluateGate(rules, subject, values, now);
  for (const { rule, passes, says } of results)
    await print(printable(`${passes ? 'ok    ' : 'FAILED'}  ${rule}: ${says}`).concat('\n'));
  if (results.some(({ passes }) => !passes)) process.exitCode = 1;
}

function readRules(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AuditorError('bad-argument', `--rules: can't read ${path}`, { cause });
  }
}

async function fromTopic(since: number): Promise<unknown[]> {
  const settings = topicSettings(process.env);
  const topics = await openTopics(settings, 'tidemark-gate');
  const found = await findRecords(settings.eventsTopic, searched(topics, since), ({ refused }) => refused === null);
  return found.map(({ value }) => value);
}

/** Only what the log commits to, and the normalizers sealed. */
async function fromArchive(location: string, options: Options, since: number): Promise<unknown[]> {
  const trust = trustFrom(options);
  if (!trust.policy || !trust.sealKeys)
    throw new AuditorError('bad-argument', 'give --policy and --normalizer-keys: what is not proven opens no gate');
  const values: unknown[] = [];
  const filter = { from: BigInt(since) * 1000n };
  for await (const item of readEvents(openStore(location, process.env), { trust, filter })) {
    if (item.kind === 'problem') warn(printable(`problem: ${item.key}: ${item.text}`));
    else if (item.kind === 'event' && item.proof.status === 'proven') values.push(item.value);
  }
  return values;
}
