// The files of the demo's world: private keys, secrets, what the normalizer knows and demands, and what an auditor is given.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { generateSecret } from '../../core/edge/keys/secret-file.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';

/** Who may ask for an erasure and approve it: two persons, each with a key of his own. */
export const OPERATORS = ['anna', 'ben'] as const;
export type Operator = (typeof OPERATORS)[number];

/** Paths. */
export interface Files {
  readonly seal: string;
  readonly log: string;
  /** The auditor's two. */
  readonly policy: string;
  readonly normalizerKeys: string;
  /** Wraps persons' keys, and finds them. */
  readonly kek: string;
  readonly lookup: string;
  /** What the normalizer accepts, and whose the services are. */
  readonly rules: string;
  readonly catalogue: string;
  readonly approvers: string;
  readonly operators: Readonly<Record<Operator, string>>;
}

const RULES = `version: 1
rules:
  - name: changes-name-a-ticket
    actions: [settings.change]
    require: [change.reference]
    otherwise: refuse
`;

const CATALOGUE = `services:
  orders:
    owner: team-shop
    tier: 1
    repository: https://github.com/example/orders
`;

/** Keys as `tidemark keys` makes them, and the other files as somebody would write them. */
export async function writeFiles(folder: string, origin: string): Promise<Files> {
  const at = (name: string): string => join(folder, name);
  const files: Files = {
    seal: at('normalizer.pem'),
    log: at('archiver.pem'),
    policy: at('policy'),
    normalizerKeys: at('normalizer.vkey'),
    kek: at('kek.key'),
    lookup: at('lookup.key'),
    rules: at('rules.yaml'),
    catalogue: at('catalogue.yaml'),
    approvers: at('approvers'),
    operators: { anna: at('anna.pem'), ben: at('ben.pem') },
  };
  const secretly = { mode: 0o600 };
  const keyPair = async (path: string, name: string): Promise<string> => {
    const pem = generatePem();
    await writeFile(path, pem, secretly);
    return formatVerifierKey(signerFromPem(name, pem).key);
  };
  for (const secret of [files.kek, files.lookup]) await writeFile(secret, generateSecret(), secretly);
  await writeFile(files.normalizerKeys, `${await keyPair(files.seal, sealKeyName(origin))}\n`);
  await writeFile(files.policy, `log ${await keyPair(files.log, origin)}\nquorum none\n`);
  const approvers = await Promise.all(OPERATORS.map(name => keyPair(files.operators[name], `op-${name}`)));
  await writeFile(files.approvers, approvers.map(key => `${key}\n`).join(''));
  await writeFile(files.rules, RULES);
  await writeFile(files.catalogue, CATALOGUE);
  return files;
}
