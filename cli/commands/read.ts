import { type Command, Option } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { openStore } from '../../auditor/open.ts';
import {
  type Filter,
  type FormatName,
  formatNames,
  openFormat,
  type Proof,
  printable,
  proofText,
  readEvents,
} from '../../auditor/read/index.ts';
import { formatMicros } from '../../core/proof/period.ts';
import { microsArgument } from '../arguments.ts';
import { count, print, say, warn } from '../output.ts';
import { openRevealer, type Revealer } from '../revealer.ts';
import { keysHelp, policyHelp, trustFrom } from '../trust.ts';

type Options = Omit<Filter, 'from' | 'to'> & {
  from?: bigint;
  to?: bigint;
  format: FormatName;
  policy?: string;
  normalizerKeys?: string;
  reveal?: boolean;
  reason?: string;
};

const examples = `
Times are when events say that they occurred. An event that its producer sent twice is shown once. With --from, periods
that ended more than a day before it are not looked at. In CSV, text that a spreadsheet would run begins with an apostrophe.

Personal data is shown as (sealed). With --reveal it is decrypted for who has the keys (TIDEMARK_KEYS_BUCKET, TIDEMARK_KEK,
TIDEMARK_LOOKUP_KEY); who does it (TIDEMARK_APPROVER_KEY), and why, becomes an event of the archive before anything is shown.
What was erased is shown as (erased). jsonl has all fields, and under "personal" what became of each that was sealed.

PROOF: proven    the log, under a checkpoint that the policy accepts, commits to it, and a normalizer sealed it so
       pending   sealed and joined to its chain, not in such a batch yet
       unproven  the end of the output says why; the exit code is then 1

Examples:
  $ tidemark read s3://audit/prod --policy policy --normalizer-keys normalizer.vkey --from 2026-01-05 --action 'deploy.*'
  $ tidemark read ./copy --actor u-5 --target 'account/*' --outcome denied --format csv > denied.csv
  $ tidemark read ./copy --policy policy --normalizer-keys normalizer.vkey --format jsonl | jq .event.action
  $ tidemark read s3://audit/prod --actor u-5 --reveal --reason 'complaint C-17' --format jsonl | jq .event.actor`;

export function addRead(program: Command): void {
  const several = (value: string, all: string[] = []) => [...all, value];
  program
    .command('read')
    .summary('show events, with whether the proof holds on each')
    .description('Streams events out of an archive, period by period, and says on which of them the proof holds.')
    .argument('<location>', 's3://bucket/prefix or a folder')
    .option('--policy <file>', `${policyHelp}; without it nothing is proven`)
    .option('--normalizer-keys <file>', keysHelp)
    .option('--from <time>', 'from this time on: a date or a time with its zone', microsArgument('--from'))
    .option('--to <time>', 'before this time; a date is its midnight, UTC', microsArgument('--to'))
    .option('--action <glob>', "such as 'deploy.*'; this and the following may be given several times", several)
    .option('--actor <glob>', "the actor's id", several)
    .option('--target <glob>', "type/id, such as 'account/*'; without a slash: the type or the id", several)
    .option('--service <glob>', 'the service that recorded it', several)
    .option('--outcome <glob>', 'success, denied or failure', several)
    .option('--tenant <glob>', 'the tenant that it belongs to', several)
    .addOption(new Option('--format <name>', 'of the output').choices(formatNames).default('table'))
    .option('--reveal', 'decrypt personal data; needs --reason, and is recorded first')
    .option('--reason <text>', 'why personal data is shown')
    .addHelpText('after', examples)
    .action(read);
}

async function read(location: string, options: Options): Promise<void> {
  const trust = trustFrom(options);
  const store = openStore(location, process.env);
  const format = openFormat(options.format, process.stdout.isTTY ? process.stdout.columns : null);
  const proofs = new Map<string, { status: Proof['status']; events: number }>();
  let problems = 0;
  const problem = (text: string) => {
    problems++;
    warn(`problem: ${printable(text)}`);
  };
  const revealer = await revealerFor(location, options, problem);
  try {
    for await (const item of readEvents(store, { trust, filter: options })) {
      if (item.kind === 'event') {
        const known = proofs.get(proofText(item.proof));
        if (known) known.events++;
        else proofs.set(proofText(item.proof), { status: item.proof.status, events: 1 });
        await print(format.row(revealer ? await revealer.reveal(item) : item));
      } else if (item.kind === 'problem') problem(`${item.key}: ${item.text}`);
      else warn(printable(`${item.key}: ${item.text}`));
    }
  } finally {
    revealer?.close();
  }
  await print(format.end());
  const total = [...proofs.values()].reduce((sum, { events }) => sum + events, 0);
  const parts = [...proofs].map(([text, { events }]) => `${events} ${printable(text)}`);
  say(`${count(total, 'event')}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`);
  if (problems > 0) say(`${count(problems, 'problem')}: tidemark verify says what was done to the archive`);
  if (!trust.policy || !trust.sealKeys) say('give --policy and --normalizer-keys to have events proven');
  if (problems > 0 || [...proofs.values()].some(({ status }) => status === 'unproven')) process.exitCode = 1;
}

/** Null where personal data stays sealed. */
async function revealerFor(
  location: string,
  options: Options,
  onProblem: (text: string) => void,
): Promise<Revealer | null> {
  const { reveal, reason, from, to, action, actor, target, service, outcome, tenant } = options;
  if (!reveal && reason === undefined) return null;
  if (!reveal || reason === undefined || reason.trim() === '')
    throw new AuditorError(
      'bad-argument',
      'give --reveal and --reason together: why personal data is shown is recorded',
    );
  const patterns = Object.entries({ action, actor, target, service, outcome, tenant }).flatMap(([name, globs]) =>
    globs === undefined ? [] : [[name, globs.join(' ')]],
  );
  const times = Object.entries({ from, to }).flatMap(([name, time]) =>
    time === undefined ? [] : [[name, formatMicros(time)]],
  );
  const query: Record<string, string> = Object.fromEntries([...patterns, ...times]);
  return openRevealer(process.env, { target: { type: 'archive', id: location }, reason, query }, onProblem);
}
