import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { printable } from '../../auditor/read/index.ts';
import {
  type Comparison,
  comparePolicies,
  DEFAULT_POLICY,
  ExampleError,
  type LoadedPolicy,
  type PolicyDifference,
  PolicyError,
  parsePolicyFile,
  recentRecords,
  recordOfExample,
  runExamples,
} from '../../consumers/normalizer/policy/index.ts';
import { createKafka } from '../../core/edge/kafka/index.ts';
import { createLog } from '../../core/edge/log.ts';
import { topicSettings } from '../../core/edge/settings.ts';
import { AUDIT_ACTIONS } from '../../core/event/index.ts';
import { type Duration, parseDuration } from '../../core/proof/period.ts';
import { type AuditRecord, openRegistry } from '../../schemas/index.ts';
import { argument } from '../arguments.ts';
import { count, print, say, warn } from '../output.ts';

type TestOptions = { against?: string; events?: string; topic?: string | true; since: Duration };

const examples = `
Examples are those of the file itself (examples:). Events of --events are JSON, one a line: as producers record them, or as
tidemark read --format jsonl shows them. With --topic they are the raw topic's, by KAFKA_BROKERS, SCHEMA_REGISTRY_URL and the
other settings of the programs; nothing is written, and no group sees it. Of an event no more is shown than its action.

Exit codes: 0 the policy is valid and its examples come out as expected, 1 not so, 2 could not be tried.

Examples:
  $ tidemark policy check policy.yaml
  $ tidemark policy test new.yaml --against policy.yaml --events yesterday.jsonl
  $ tidemark policy test new.yaml --against policy.yaml --topic --since PT1H`;

export function addPolicy(program: Command): void {
  const policy = program.command('policy').description('What the normalizer accepts, masks and demands.');
  policy
    .command('check')
    .summary('say what is wrong with a policy file')
    .description('Validates a policy file, and lists all that is wrong with it by line.')
    .argument('<file>', 'the policy, YAML')
    .addHelpText('after', examples)
    .action(check);
  policy
    .command('test')
    .summary('show what a policy does, and what it would change')
    .description('Runs a policy over its examples, over events, or over the last hour of a topic.')
    .argument('<file>', 'the policy, YAML')
    .option('--against <file>', 'the policy in force; without it, that which holds where none is configured')
    .option('--events <file>', 'events, JSON lines; - is standard input')
    .option('--topic [name]', 'the raw topic; without a name, that of TIDEMARK_RAW_TOPIC')
    .option('--since <duration>', 'how far back in the topic, such as PT1H', duration, parseDuration('PT1H'))
    .addHelpText('after', examples)
    .action(test);
}

function duration(text: string): Duration {
  return argument(() => parseDuration(text));
}

async function check(file: string): Promise<void> {
  const policy = readPolicy(file);
  if (policy === null) return;
  await print(`${file}: valid: ${count(policy.rules, 'rule')}, ${count(policy.examples.length, 'example')}\n`);
  await print(`digest ${policy.digest}\n`);
}

async function test(file: string, options: TestOptions): Promise<void> {
  const policy = readPolicy(file);
  const before = readPolicy(options.against);
  if (policy === null || before === null) return;
  await showExamples(policy);
  if (options.events === undefined && options.topic === undefined) return;
  const comparison = comparePolicies(before, policy);
  let unread = 0;
  const add = (record: AuditRecord | null) => {
    if (record === null || record.refused !== null) unread++;
    else comparison.add(record);
  };
  if (options.events !== undefined) for await (const record of eventsOf(options.events)) add(record);
  if (options.topic !== undefined) for await (const record of topicOf(options)) add(record);
  await print(report(comparison, options.against ?? 'the default policy'));
  if (unread > 0) say(`${count(unread, 'record')} left out: no valid event, or refused already`);
}

/** Null where the file is not valid: it was said, and the exit code is 1. Without a file, the default policy. */
function readPolicy(file?: string): LoadedPolicy | null {
  try {
    return file === undefined ? parsePolicyFile(DEFAULT_POLICY) : parsePolicyFile(readText(file), file);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    say(error.message);
    say(count(error.problems.length, 'problem'));
    process.exitCode = 1;
    return null;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new AuditorError('not-found', `${file} can't be read (${code}): give a policy file`, { cause });
  }
}

async function showExamples(policy: LoadedPolicy): Promise<void> {
  const results = runExamples(policy);
  const failed = results.filter(({ problems }) => problems.length > 0);
  for (const { name, problems } of failed) {
    await print(`FAILED ${name}\n${problems.map(problem => `  ${problem}\n`).join('')}`);
  }
  await print(
    `${count(results.length, 'example')}: ${results.length - failed.length} passed, ${failed.length} failed\n`,
  );
  if (failed.length > 0) process.exitCode = 1;
}

/** Null where a line is no valid event: it was said by its number. */
async function* eventsOf(file: string): AsyncGenerator<AuditRecord | null> {
  const input = file === '-' ? process.stdin : createReadStream(file, 'utf8');
  const failed = new Promise<never>((_, reject) => input.once('error', reject));
  failed.catch(() => {});
  let line = 0;
  const lines = createInterface({ input })[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([lines.next(), failed]);
    if (next.done) return;
    line++;
    if (next.value.trim() === '') continue;
    try {
      yield recordOfLine(next.value);
    } catch (error) {
      if (!(error instanceof ExampleError || error instanceof SyntaxError)) throw error;
      // A parser's message quotes what it read.
      const why = error instanceof ExampleError ? error.message.replaceAll('\n', '; ') : 'found no JSON';
      warn(`${file}:${line}: ${printable(why)}`);
      process.exitCode = 2;
      yield null;
    }
  }
}

/** Null for a refusal that was read from an archive. */
function recordOfLine(text: string): AuditRecord | null {
  const line: unknown = JSON.parse(text);
  const isShown = typeof line === 'object' && line !== null && 'proof' in line && 'event' in line;
  const event = isShown ? line.event : line;
  if (typeof event === 'object' && event !== null && 'action' in event && event.action === AUDIT_ACTIONS.refuse)
    return null;
  const isAttributed = typeof event === 'object' && event !== null && 'attribution' in event;
  const attribution = isAttributed ? event.attribution : undefined;
  const known = attribution === 'verified' || attribution === 'asserted' || attribution === 'anonymous';
  return recordOfExample(event, known ? attribution : undefined);
}

async function* topicOf({ topic, since }: TestOptions): AsyncGenerator<AuditRecord> {
  const settings = topicSettings(process.env);
  const log = createLog('tidemark', { TIDEMARK_LOG_LEVEL: 'silent' });
  yield* recentRecords({
    kafka: createKafka(settings.kafka, log, 'tidemark-policy'),
    registry: openRegistry({ ...settings.registry, registration: 'lookup' }),
    topic: typeof topic === 'string' ? topic : settings.rawTopic,
    since: Date.now() - since.ms,
    signal: AbortSignal.timeout(600_000),
    onWait: error => warn(`waiting for the registry: ${error instanceof Error ? error.message : String(error)}`),
  });
}

function report(comparison: Comparison, against: string): string {
  const { events, outcomes, masked, changed } = comparison;
  const { accept, flag, refuse } = outcomes;
  const head = `${count(events, 'event')}: ${accept} accepted, ${flag} flagged, ${refuse} refused; masked in ${masked}\n`;
  const differences = comparison.differences();
  if (changed === 0) return `${head}nothing would change against ${against}\n`;
  const rows = differences.map(row => [row.action, `${row.was} > ${row.becomes}`, `${row.events}`, textOf(row)]);
  return `${head}${count(changed, 'event')} would change against ${against}\n${columns([['ACTION', 'OUTCOME', 'EVENTS', 'WHY'], ...rows])}`;
}

function textOf({ why, masks }: PolicyDifference): string {
  return [why, ...(masks.length > 0 ? [`masks ${masks.join(' ')}`] : [])].filter(text => text !== '').join('; ');
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = [0, 1, 2].map(at => Math.max(...rows.map(row => row[at]?.length ?? 0)));
  return rows.map(row => `${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}\n`).join('');
}
