import { type Command, Option } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { printable } from '../../auditor/read/index.ts';
import { createApiKey, listApiKeys, revokeApiKey, type StoredApiKey } from '../../producers/identity/index.ts';
import type { ActorKind } from '../../schemas/types.ts';
import { durationArgument } from '../arguments.ts';
import { print, say } from '../output.ts';

type FileOptions = { file?: string };
type CreateOptions = FileOptions & {
  actor: string;
  kind: ActorKind;
  owner: string;
  by: string;
  expires: number;
  role?: string[];
};
type RevokeOptions = FileOptions & { by: string; reason?: string };

const examples = `
A key stands for one person, machine or agent, and has an owner who answers for it. The file (TIDEMARK_API_KEYS, or --file)
holds hashes only; programs that check keys read it again when it changes.

Examples:
  $ tidemark api-keys create --file keys.yaml --actor service/billing --kind machine --owner u-77 --by u-9 --expires P90D
  $ tidemark api-keys list --file keys.yaml
  $ tidemark api-keys revoke 4fJ0aZx81QpL --file keys.yaml --by u-9 --reason 'left in a log'`;

export function addApiKeys(program: Command): void {
  const keys = program.command('api-keys').description('Keys by which services show who they are.');
  keys.addHelpText('after', examples);
  keys
    .command('create')
    .summary('make a key and print it, once')
    .description('Adds the hash of a new key to the file and prints the key: it can not be shown again.')
    .requiredOption('--actor <id>', 'whom it stands for: a pseudonymous id, as in events')
    .addOption(new Option('--kind <kind>', 'what that is').choices(['human', 'machine', 'agent']).makeOptionMandatory())
    .requiredOption('--owner <id>', 'who answers for it: a person or a team')
    .requiredOption('--by <id>', 'who makes it')
    .requiredOption('--expires <duration>', 'how long it holds, such as P90D', durationArgument)
    .option('--role <role...>', 'roles that it gives')
    .addOption(fileOption())
    .action(create);
  keys
    .command('list')
    .summary('show all keys: id, state, whom they stand for, owner, expiry, last four characters')
    .addOption(fileOption())
    .action(list);
  keys
    .command('revoke')
    .summary('mark a key as revoked')
    .argument('<id>', 'the id of the key: the part between the first two underscores')
    .requiredOption('--by <id>', 'who revokes it')
    .option('--reason <text>', 'why')
    .addOption(fileOption())
    .action(revoke);
}

const fileOption = (): Option => new Option('--file <file>', 'the file of keys').env('TIDEMARK_API_KEYS');

function fileIn({ file }: FileOptions): string {
  if (file !== undefined && file !== '') return file;
  throw new AuditorError('bad-argument', 'give --file or set TIDEMARK_API_KEYS: the file of API keys');
}

async function create(options: CreateOptions): Promise<void> {
  const { actor, kind, owner, by, expires, role = [] } = options;
  const file = fileIn(options);
  const now = Date.now();
  const grant = { actor: { kind, id: actor }, owner, roles: role, by, expiresAt: now + expires };
  const { key, stored } = createApiKey(file, grant, now);
  await print(`${key}\n`);
  say(`key ${stored.id} for ${kind} ${actor}, until ${stored.expires}; it is not kept and can't be shown again`);
}

async function list(options: FileOptions): Promise<void> {
  const now = Date.now();
  for (const key of listApiKeys(fileIn(options))) await print(`${printable(lineOf(key, now))}\n`);
}

function lineOf({ id, lastFour, actor, owner, expires, revoked }: StoredApiKey, now: number): string {
  const state = revoked ? 'revoked' : Date.parse(expires) <= now ? 'expired' : 'holds';
  const ended = revoked ? `  revoked ${revoked.at} by ${revoked.by}${revoked.reason ? `: ${revoked.reason}` : ''}` : '';
  return `${id}  …${lastFour}  ${state.padEnd(7)}  ${expires}  ${actor.kind} ${actor.id}  owner ${owner}${ended}`;
}

async function revoke(id: string, options: RevokeOptions): Promise<void> {
  // Whoever gives the whole key must not find it in the message.
  if (!/^[0-9A-Za-z]{12}$/.test(id)) throw new AuditorError('bad-argument', 'expected the id of a key: 12 characters');
  revokeApiKey(fileIn(options), id, options.by, options.reason, Date.now());
  await print(`${id}\n`);
}
