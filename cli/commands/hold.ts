import { type Command, Option } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { parseQuery } from '../../core/edge/erasure/index.ts';
import { atDesk, openSigningDesk } from '../desk.ts';
import { print, say } from '../output.ts';

type Options = { person?: string; query?: string; case?: string; reason?: string };

const examples = `
A hold keeps a person's key, or the keys of all whom a query finds in the archive, from being destroyed. It stands as soon as one
person has placed it, since it only protects; two lift it. tidemark erase list shows what stands. The settings are those of erase.

Examples:
  $ tidemark hold --person u-1842 --case 'HRB 17/26' --reason 'ordered by the court'
  $ tidemark hold --query 'action=account.* tenant=acme from=2026-01-01' --case C-9 --reason 'under investigation'
  $ tidemark hold lift 5a3c4a0e-8a51-4f0b-b8c8-2f3a5de0a1c4 --reason 'the case is closed'
  $ tidemark hold approve 8e9f7f0c-4f6b-4a39-9b39-0f0e9a1d2b3c`;

export function addHold(program: Command): void {
  const hold = program
    .command('hold')
    .summary('keep what a case needs from being erased')
    .description('Places a hold, or lifts it by two persons.')
    .enablePositionalOptions()
    .option('--person <id>', 'the pseudonymous id that events use')
    .addOption(new Option('--query <parts>', "patterns, such as 'action=account.* tenant=acme'").conflicts('person'))
    .option('--case <id>', 'the case that needs it')
    .option('--reason <text>', 'why, in one line')
    .addHelpText('after', examples)
    .action(place);
  hold
    .command('lift')
    .summary('ask that a hold be lifted')
    .argument('<hold>', 'the id of the hold')
    .requiredOption('--reason <text>', 'why, in one line')
    .action(lift);
  hold
    .command('approve')
    .summary('approve that a hold be lifted')
    .argument('<order>', 'the id that tidemark hold lift has printed')
    .action(approve);
}

async function place({ person, query, case: caseId, reason }: Options): Promise<void> {
  const subject =
    person !== undefined
      ? { person }
      : query !== undefined
        ? { query: parseQuery(query) }
        : refuse('--person or --query');
  if (caseId === undefined) refuse('--case');
  await atDesk(openSigningDesk(process.env), async ({ desk, me }) => {
    const order = await desk.placeHold(me, subject, reason ?? 'for the case', caseId);
    await print(`${order.id}\n`);
    say(`${me.key.name} placed a hold: nobody whom it concerns can be erased until two persons lift it`);
  });
}

async function lift(id: string, { reason }: { reason: string }): Promise<void> {
  await atDesk(openSigningDesk(process.env), async ({ desk, me }) => {
    const order = await desk.askLift(me, id, reason);
    await print(`${order.id}\n`);
    say(`asked by ${me.key.name}; another one approves it by: tidemark hold approve ${order.id}`);
  });
}

async function approve(id: string): Promise<void> {
  await atDesk(openSigningDesk(process.env), async ({ desk, me }) => {
    const { by } = await desk.approve(me, 'lift', id, null);
    await print(`${id}\n`);
    say(`asked by ${by.name}, approved by ${me.key.name}: the hold is lifted`);
  });
}

function refuse(what: string): never {
  throw new AuditorError('bad-argument', `give ${what} (tidemark hold --help says more)`);
}
