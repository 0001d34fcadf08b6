import { type Command, Option } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { printable } from '../../auditor/read/index.ts';
import { formatQuery, type InvalidOrder, type JudgedOrder, type Whose } from '../../core/edge/erasure/index.ts';
import { formatTime } from '../../core/proof/period.ts';
import { atDesk, openDesk, openSigningDesk } from '../desk.ts';
import { exceptionsOf } from '../exceptions.ts';
import { count, print, say } from '../output.ts';

type WhoseOptions = { person?: string; key?: string };
type AskOptions = WhoseOptions & { reason?: string; case?: string };

const examples = `
A person's key is destroyed, with all its versions: every copy of what is encrypted under it reads as erased from then on, and
verify says what it said before. One person asks, another approves, and after TIDEMARK_ERASE_DELAY (P7D) tidemark erase run,
by cron or by hand, carries it out. Under a hold it is refused. Each step is an event of the archive.

Who asks or approves is known by a key of his own: TIDEMARK_APPROVER_KEY, made by tidemark keys generate --name <person>, whose
verifier key is a line of the file TIDEMARK_APPROVERS. Keys are those of TIDEMARK_KEYS_BUCKET, TIDEMARK_KEK, TIDEMARK_LOOKUP_KEY.

Exit codes: 0 done, 1 refused under a hold, 2 could not be done.

Examples:
  $ tidemark erase --person u-1842 --reason 'asked by letter of 2026-01-05' --case C-17
  $ tidemark erase list
  $ tidemark erase approve 0b7c2a52-6f0c-4b52-9d5e-3c1a4a0f7d11 --person u-1842
  $ tidemark erase run`;

export function addErase(program: Command): void {
  const erase = program
    .command('erase')
    .summary("ask for, approve and carry out the destruction of a person's key")
    .description('Makes all that is kept of a person unreadable, by destroying one key.')
    .enablePositionalOptions()
    .option('--person <id>', 'the pseudonymous id that events use')
    .addOption(keyOption())
    .option('--reason <text>', 'why, in one line; name the case and not the person')
    .option('--case <id>', 'the case that it belongs to')
    .addHelpText('after', examples)
    .action(ask);
  erase
    .command('approve')
    .summary('approve what another one has asked for')
    .argument('<order>', 'the id of the order')
    .option('--person <id>', 'whose key it is, as you know it by yourself')
    .addOption(keyOption())
    .action(approve);
  erase.command('list').summary('show all orders and holds').action(list);
  erase
    .command('run')
    .summary('carry out what is approved and due')
    .option('--archive <location>', 'where holds by query look: s3://bucket/prefix or a folder; S3_BUCKET by default')
    .action(run);
}

const keyOption = (): Option =>
  new Option('--key <id>', 'instead of the person, the id of the key').conflicts('person');

function whoseIn({ person, key }: WhoseOptions): Whose {
  if (person !== undefined) return { person };
  if (key !== undefined) return { keyId: key };
  throw new AuditorError('bad-argument', 'give --person (tidemark erase --help says more)');
}

async function ask({ reason, case: caseId, ...options }: AskOptions): Promise<void> {
  const whose = whoseIn(options);
  if (reason === undefined) throw new AuditorError('bad-argument', 'give --reason: it is recorded');
  await atDesk(openSigningDesk(process.env), async ({ desk, me, settings }) => {
    const order = await desk.askErase(me, whose, reason, caseId ?? null);
    await print(`${order.id}\n`);
    say(`asked by ${me.key.name}; another one approves it by: tidemark erase approve ${order.id} --person <id>`);
    say(`it can be carried out ${settings.delay.text} after that`);
    for (const line of await exceptionsOf(process.env, settings.dayKeys, Date.now())) say(line);
  });
}

async function approve(id: string, options: WhoseOptions): Promise<void> {
  const whose = whoseIn(options);
  await atDesk(openSigningDesk(process.env), async ({ desk, me }) => {
    const { dueAt, by } = await desk.approve(me, 'erase', id, whose);
    await print(`${id}\n`);
    say(
      `asked by ${by.name}, approved by ${me.key.name}; tidemark erase run carries it out from ${timeText(dueAt)} on`,
    );
  });
}

async function list(): Promise<void> {
  await atDesk(openDesk(process.env), async ({ desk }) => {
    for (const order of await desk.list()) await print(`${printable(lineOf(order))}\n`);
  });
}

function lineOf(found: JudgedOrder | InvalidOrder): string {
  if (found.state === 'invalid') return `invalid   ${found.kind}  ${found.id}  ${found.why}`;
  const { order, state, by, approvedBy, dueAt, remarks } = found;
  const { subject } = order;
  const about =
    subject.kind === 'key' ? subject.keyId : subject.kind === 'order' ? subject.id : formatQuery(subject.query);
  const parts = [
    `${(order.kind === 'hold' ? 'placed' : state).padEnd(8)}  ${order.kind.padEnd(5)}  ${order.id}  ${about}`,
    `${formatTime(order.at)} by ${by.name}${approvedBy ? `, approved by ${approvedBy.name}` : ''}`,
    state === 'approved' && order.kind === 'erase' ? `due ${timeText(dueAt)}` : '',
    order.caseId === null ? '' : `case ${order.caseId}`,
    order.reason,
    ...remarks.map(remark => `(${remark})`),
  ];
  return parts.filter(part => part !== '').join('  ');
}

async function run({ archive }: { archive?: string }): Promise<void> {
  await atDesk(openDesk(process.env, { archive }), async ({ desk, settings, days }) => {
    const ran = await desk.run(async ({ order, outcome, versions, why }) => {
      const about = order.subject.kind === 'key' ? order.subject.keyId : '';
      const details = [outcome === 'erased' ? count(versions, 'version') : '', why].filter(Boolean).join(', ');
      await print(`${outcome.padEnd(6)}  ${order.id}  ${about}${details === '' ? '' : `  ${printable(details)}`}\n`);
    });
    const outcomes = ran.map(({ outcome }) => outcome);
    const { expired, held } = await desk.expireDayKeys(days(), settings.dayKeys.ms);
    for (const day of expired) await print(`expired  the key of ${day}\n`);
    if (held !== null) say(`keys of days stay, because of ${held}`);
    if (ran.length === 0) say('no erasure is approved and waits');
    if (outcomes.includes('erased'))
      for (const line of await exceptionsOf(process.env, settings.dayKeys, Date.now())) say(line);
    if (outcomes.includes('held')) process.exitCode = 1;
  });
}

function timeText(ms: number | null): string {
  return ms === null ? 'its approval' : formatTime(Math.ceil(ms / 1000) * 1000);
}
