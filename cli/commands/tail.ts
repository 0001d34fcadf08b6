import { type Command, Option } from 'commander';
import type { Filter } from '../../auditor/read/index.ts';
import { followEvents } from '../../auditor/tail/follow.ts';
import { jsonLineOf, lineOf } from '../../auditor/tail/sealed-event.ts';
import { topicSettings } from '../../core/edge/settings.ts';
import { countArgument, durationArgument } from '../arguments.ts';
import { print, warn } from '../output.ts';
import { openTopics } from '../topics.ts';

type Options = Omit<Filter, 'from' | 'to'> & {
  since?: number;
  once?: boolean;
  refused?: boolean;
  limit?: number;
  format: 'line' | 'jsonl';
};

const examples = `
Shows events as the normalizer commits them, before they are archived: order is kept within a partition. Personal data stays
sealed; no seal is checked, which is what tidemark verify and read are for. A line ends with [partition:offset]; of a record
that was refused it says why. Servers are those of KAFKA_BROKERS and SCHEMA_REGISTRY_URL, the topic TIDEMARK_EVENTS_TOPIC.

Examples:
  $ tidemark tail --service billing --outcome denied
  $ tidemark tail --refused --since PT1H --once
  $ tidemark tail --action 'deployment.*' --format jsonl | jq .event.targets`;

export function addTail(program: Command): void {
  const several = (value: string, all: string[] = []) => [...all, value];
  program
    .command('tail')
    .summary('follow events as they are sealed')
    .description('Follows the events topic, and shows the events that are asked for.')
    .option('--since <duration>', 'begin so long ago, such as PT10M; default: now', durationArgument)
    .option('--once', 'end when what was there at the beginning has been shown')
    .option('--refused', 'only records that were not accepted')
    .option('--limit <number>', 'end after so many events', countArgument)
    .option('--action <glob>', "such as 'deploy.*'; this and the following may be given several times", several)
    .option('--actor <glob>', "the actor's id", several)
    .option('--target <glob>', "type/id, such as 'account/*'; without a slash: the type or the id", several)
    .option('--service <glob>', 'the service that recorded it', several)
    .option('--outcome <glob>', 'success, denied or failure', several)
    .option('--tenant <glob>', 'the tenant that it belongs to', several)
    .addOption(new Option('--format <name>', 'of the output').choices(['line', 'jsonl']).default('line'))
    .addHelpText('after', examples)
    .action(tail);
}

async function tail(options: Options): Promise<void> {
  const { since, once = false, refused = false, limit, format, ...filter } = options;
  const settings = topicSettings(process.env);
  const topics = await openTopics(settings, 'tidemark-tail');
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
  const text = format === 'jsonl' ? jsonLineOf : lineOf;
  let left = limit ?? Number.POSITIVE_INFINITY;
  const events = followEvents({
    ...topics,
    topic: settings.eventsTopic,
    since: since === undefined ? null : Date.now() - since,
    filter,
    refused,
    once,
    signal: ended.signal,
    onTrouble: warn,
  });
  for await (const event of events) {
    await print(text(event));
    left -= 1;
    if (left <= 0) break;
  }
}
