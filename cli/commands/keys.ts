import { writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { openKeys } from '../../core/edge/keys/open.ts';
import { generateSecret } from '../../core/edge/keys/secret-file.ts';
import { keySettings } from '../../core/edge/keys/settings.ts';
import { formatVerifierKey, isKeyName } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { isSourceName, sourceKeyName } from '../../core/proof/source.ts';
import { count, print, say } from '../output.ts';

type Role = 'archiver' | 'normalizer';
type Options = { name?: string; origin?: string; role?: Role; service?: string; out: string };

const examples = `
The origin names the archive, such as audit.example.com/prod. The archiver signs the log with a key of that name, the
normalizer its seals with one named <origin>/normalizer; they should be two keys, held by two programs. The verifier key,
on standard output, is public: auditors keep it. A service signs what it sends with a key of its own, named <service>/source;
its verifier key stands in the file of registered services.

Examples:
  $ tidemark keys generate --origin audit.example.com/prod --role archiver --out log.pem > log.vkey
  $ tidemark keys generate --origin audit.example.com/prod --role normalizer --out seal.pem > normalizer.vkey
  $ tidemark keys generate --service billing --out billing.pem
  $ (printf 'log '; cat log.vkey; echo 'quorum none') > policy`;

export function addKeys(program: Command): void {
  const keys = program.command('keys').description('Keys that sign evidence, and keys under which personal data lies.');
  keys
    .command('generate')
    .summary('make an Ed25519 key pair')
    .description('Writes a new private key (PEM, PKCS #8, mode 0600) and prints its verifier key.')
    .option('--origin <origin>', 'of the archive, such as audit.example.com/prod')
    .addOption(new Option('--role <role>', 'whose key it is').choices(['archiver', 'normalizer']))
    .addOption(new Option('--service <service>', 'that signs what it sends').conflicts(['origin', 'role', 'name']))
    .addOption(new Option('--name <name>', 'the name of the key itself').conflicts(['origin', 'role']))
    .requiredOption('--out <file>', 'where to write the private key; an existing file is never overwritten')
    .addHelpText('after', examples)
    .action(generate);
  keys
    .command('secret')
    .summary('make a secret for TIDEMARK_KEK or TIDEMARK_LOOKUP_KEY')
    .description(
      'Writes 32 new random bytes (base64, mode 0600). Personal data is lost with them: keep a copy, offline.',
    )
    .requiredOption('--out <file>', 'where to write it; an existing file is never overwritten')
    .action(({ out }: { out: string }) => writePrivate(out, generateSecret()));
  keys
    .command('rewrap')
    .summary('wrap all data keys by the current key-encryption key')
    .description(
      'Wraps each data key by the first of TIDEMARK_KEK and destroys its older wrappings; those behind it are then no longer needed. ' +
        'Neither data keys nor events change, and it can be done again at any time.',
    )
    .action(rewrap);
}

/** TIDEMARK_KEYS_BUCKET, TIDEMARK_KEK and the rest, as in the normalizer. */
async function rewrap(): Promise<void> {
  const keys = openKeys(keySettings(process.env));
  try {
    await keys.check(null);
    const { rewrapped, current, erased } = await keys.store.rewrapAll();
    const others = `${count(current, 'key')} were wrapped by it already, ${erased} erased`;
    await print(`${count(rewrapped, 'key')} wrapped anew; ${others}\n`);
  } finally {
    keys.close();
  }
}

async function generate(options: Options): Promise<void> {
  const name = keyNameOf(options);
  const pem = generatePem();
  const verifierKey = formatVerifierKey(signerFromPem(name, pem).key);
  writePrivate(options.out, pem);
  await print(`${verifierKey}\n`);
  const [who, advice] = usesOf(options, name);
  say(`wrote ${options.out}, the private key: keep it where only the ${who} reads it`);
  say(advice);
}

/** Who holds the key, and what goes where. */
function usesOf({ service, out }: Options, name: string): [string, string] {
  if (service !== undefined) {
    return [
      'service',
      `  the service:  TIDEMARK_SOURCE_KEY=${out}\n  normalizer:   the line above among its keys, in a file of TIDEMARK_SERVICES`,
    ];
  }
  if (name.endsWith(sealKeyName(''))) {
    const verifiers = '  archiver:    TIDEMARK_SEAL_VERIFIERS=<a file of the line above>';
    const auditors = '  auditors:    the line above in their file for --normalizer-keys';
    return ['normalizer', `  normalizer:  TIDEMARK_SEAL_KEY=${out}\n${verifiers}\n${auditors}`];
  }
  const verifiers = '  normalizer:  TIDEMARK_LOG_VERIFIERS=<a file of the line above>';
  const auditors = '  auditors:    "log <the line above>" in their file for --policy';
  return ['archiver', `  archiver:    TIDEMARK_LOG_KEY=${out}\n${verifiers}\n${auditors}`];
}

function keyNameOf({ name, origin, role, service }: Options): string {
  if (service !== undefined) {
    if (isSourceName(service)) return sourceKeyName(service);
    const expected = 'expected at most 200 characters without spaces and "+"';
    throw new AuditorError('bad-argument', `found the service "${service}", ${expected}`);
  }
  if (name === undefined && (origin === undefined || role === undefined))
    throw new AuditorError(
      'bad-argument',
      'give --origin and --role, --service, or --name: a verifier key needs its name',
    );
  const whole = name ?? (role === 'normalizer' ? sealKeyName(origin ?? '') : (origin ?? ''));
  if (!isKeyName(whole))
    throw new AuditorError('bad-argument', `found the key name "${whole}", expected one without spaces and "+"`);
  return whole;
}

function writePrivate(path: string, pem: string): void {
  try {
    writeFileSync(path, pem, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    const why = isThere ? 'it exists already, and a key that evidence depends on must not be lost' : String(cause);
    throw new AuditorError('bad-argument', `${path} can't be written: ${why}; give another --out`, { cause });
  }
}
