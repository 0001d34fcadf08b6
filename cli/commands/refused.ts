import type { Command } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { exactJson, printable } from '../../auditor/read/index.ts';
import { findRefusals, type Refusal } from '../../auditor/refused/refusals.ts';
import { topicSettings } from '../../core/edge/settings.ts';
import { durationArgument } from '../arguments.ts';
import { count, print, say, warn } from '../output.ts';
import { retryRefusals } from '../retrier.ts';
import { openRevealer } from '../revealer.ts';
import { openTopics, searched } from '../topics.ts';

interface Since {
  /** Milliseconds. */
  since: number;
}
type ShowOptions = Since & { reveal?: boolean; reason?: string };
type RetryOptions = Since & { reason: string; again?: boolean };

const listHelp = `
A line for each: when, the id of the refusal, the rule, the raw record's place, and what became of it if it was sent again.
tidemark show says more of one; what is older than the topic keeps is in the archive: tidemark read … --action audit.refuse.`;

const showHelp = `
Prints the refusal as JSON. The record itself (its key, value and headers) is sealed, as it may hold anything: --reveal opens it
for who has the keys (TIDEMARK_KEYS_BUCKET, TIDEMARK_KEK, TIDEMARK_LOOKUP_KEY), once it is recorded who does so and why
(TIDEMARK_APPROVER_KEY).

Example:
  $ tidemark refused show 5f0c1d52-7a10-8b2c-8d4e-5f6a7b8c9d0e --reveal --reason 'INC-7' | jq -r .event.original.value | base64 -d`;

const retryHelp = `
For records that would be accepted now: a schema was registered, a normalizer upgraded, a policy corrected. Each is sent with the
bytes that it had, to the same partition, and names the refusal of its first try; what it becomes has the flag "retried". Who
sends it, and why, is recorded first (TIDEMARK_APPROVER_KEY); its bytes are opened with the keys that --reveal needs. Its
producer's number is used twice by it, which tidemark verify reports as doubled. A source's proof is not sent with it: where
services have to prove what they send, let the service send it again.

Example:
  $ tidemark refused retry 5f0c1d52-7a10-8b2c-8d4e-5f6a7b8c9d0e --reason 'INC-7: schema registered' --since P2D`;

export function addRefused(program: Command): void {
  const refused = program
    .command('refused')
    .summary('look after records that were not accepted')
    .description('Lists and shows records that the normalizer did not accept, and sends them again.');
  const sub = (name: string, summary: string) =>
    refused
      .command(name)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}, from the events topic.`)
      .option('--since <duration>', 'how far back to look, such as P7D', durationArgument, 24 * 3_600_000);
  sub('ls', 'list refused records').addHelpText('after', listHelp).action(list);
  sub('show', 'show one')
    .argument('<id>', 'id of the refusal, as ls tells it')
    .option('--reveal', 'show the record itself; needs --reason')
    .option('--reason <text>', 'why it is shown')
    .addHelpText('after', showHelp)
    .action(show);
  sub('retry', 'send refused records again')
    .argument('<id...>', 'ids of refusals, as ls tells them')
    .requiredOption('--reason <text>', 'why it is sent again')
    .option('--again', 'also what was accepted when it was sent again before')
    .addHelpText('after', retryHelp)
    .action(retry);
}

async function refusalsSince({ since }: Since): Promise<Refusal[]> {
  const settings = topicSettings(process.env);
  const topics = await openTopics(settings, 'tidemark-refused');
  return findRefusals(settings.eventsTopic, searched(topics, Date.now() - since));
}

async function list(options: Since): Promise<void> {
  const refusals = await refusalsSince(options);
  for (const { id, event, place, producer, retries } of refusals) {
    const time = new Date(event.sealedAt).toISOString();
    const last = retries.at(-1);
    const retried = last ? `  sent again: ${last.accepted ? 'accepted as' : 'refused as'} ${last.id}` : '';
    const by = producer === '' ? '' : `  by ${producer}`;
    await print(`${printable(`${time}  ${id}  ${place}${by}  ${event.refused}${retried}`)}\n`);
  }
  const open = refusals.filter(({ retries }) => !retries.some(({ accepted }) => accepted)).length;
  say(`${count(refusals.length, 'refused record')}, ${open} not accepted since`);
}

async function chosen(ids: readonly string[], options: Since): Promise<Refusal[]> {
  const refusals = await refusalsSince(options);
  return ids.map(id => {
    const found = refusals.find(refusal => refusal.id === id);
    if (found) return found;
    throw new AuditorError(
      'not-found',
      `no refusal ${printable(id)} in the last ${Math.round(options.since / 60_000)} minutes: tidemark refused ls lists them, --since looks further back`,
    );
  });
}

async function show(id: string, { reveal = false, reason = '', since }: ShowOptions): Promise<void> {
  if (reveal !== (reason.trim() !== ''))
    throw new AuditorError('bad-argument', 'give --reveal and --reason together: why a record is shown is recorded');
  const [refusal] = await chosen([id], { since });
  if (!refusal) return;
  const { event, place, retries } = refusal;
  const { eventsTopic } = topicSettings(process.env);
  const target = { type: 'topic', id: eventsTopic };
  const revealer = reveal ? await openRevealer(process.env, { target, reason, query: { refusal: id } }, warn) : null;
  try {
    const { value } = revealer ? await revealer.reveal(event) : event;
    await print(`${exactJson({ place, sealedAt: new Date(event.sealedAt).toISOString(), retries, event: value })}\n`);
  } finally {
    revealer?.close();
  }
}

async function retry(ids: string[], { reason, again = false, since }: RetryOptions): Promise<void> {
  const refusals = await chosen([...new Set(ids)], { since });
  const done = refusals.find(({ retries }) => retries.some(({ accepted }) => accepted));
  if (done && !again)
    throw new AuditorError(
      'bad-argument',
      `${done.id} was sent again and accepted: nothing is sent. Leave it out, or give --again to have a second one`,
    );
  for await (const { id, partition, offset } of retryRefusals(process.env, refusals, reason, warn))
    await print(`${id} sent again: partition ${partition}, offset ${offset}\n`);
}
