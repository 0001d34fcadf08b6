// Trust policies (C2SP tlog-policy): which logs and witnesses make a checkpoint acceptable. Line based:
//
//   log <vkey> [<url>]                          a checkpoint is signed by one of these …
//   witness <name> <vkey> [<url>]
//   group <name> all|any|<k> <name>...
//   quorum <name>|none                          … and cosigned as this says; exactly one such line

import { equalBytes, hex } from './bytes.ts';
import { COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, isSignedBy, type SignedCheckpoint } from './checkpoint.ts';
import type { Crypto } from './crypto.ts';
import { ProofError } from './error.ts';
import { ED25519, parseVerifierKey, type VerifierKey } from './note.ts';

type Quorum = { kind: 'witness'; key: VerifierKey } | { kind: 'group'; threshold: number; members: readonly Quorum[] };

export interface Policy {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: readonly VerifierKey[];
  /** Null: no cosignature is asked for (`quorum none`). */
  readonly quorum: Quorum | null;
}

interface Draft {
  logs: VerifierKey[];
  witnesses: VerifierKey[];
  names: Map<string, Quorum>;
  members: Set<string>;
  quorum: Quorum | null | undefined;
}

function addKey(keys: VerifierKey[], key: VerifierKey, types: readonly number[]): void {
  if (!types.includes(key.type))
    throw new Error(`a key of type ${key.type} can't be used here, expected ${types.join(' or ')}`);
  if (keys.some(known => equalBytes(known.publicKey, key.publicKey)))
    throw new Error(`the key ${hex(key.id)} is listed twice`);
  keys.push(key);
}

function define(draft: Draft, name: string, value: Quorum): void {
  if (name === '' || name === 'none' || draft.names.has(name))
    throw new Error(`the name "${name}" is reserved or defined twice`);
  draft.names.set(name, value);
}

function lookup(draft: Draft, name: string): Quorum {
  const found = draft.names.get(name);
  if (!found) throw new Error(`"${name}" is not defined on a line above`);
  return found;
}

function parseGroup(draft: Draft, rule: string, names: readonly string[]): Quorum {
  if (names.length === 0) throw new Error('a group needs a member');
  const members = names.map(name => {
    if (draft.members.has(name)) throw new Error(`"${name}" is a member twice`);
    draft.members.add(name);
    return lookup(draft, name);
  });
  const k = rule === 'all' ? members.length : rule === 'any' ? 1 : /^[1-9][0-9]*$/.test(rule) ? Number(rule) : 0;
  if (k < 1 || k > members.length)
    throw new Error(`found threshold "${rule}", expected all, any or 1 to ${members.length}`);
  return { kind: 'group', threshold: k, members };
}

function parseLine(crypto: Crypto, draft: Draft, words: readonly string[]): void {
  const [keyword, ...rest] = words;
  const [first = '', second = ''] = rest;
  switch (keyword) {
    case 'log':
      if (rest.length > 2) throw new Error('expected log <vkey> [<url>]');
      addKey(draft.logs, parseVerifierKey(crypto, first), [ED25519, COSIGNATURE_ML_DSA_44]);
      return;
    case 'witness': {
      if (rest.length < 2 || rest.length > 3) throw new Error('expected witness <name> <vkey> [<url>]');
      const key = parseVerifierKey(crypto, second);
      addKey(draft.witnesses, key, [COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44]);
      define(draft, first, { kind: 'witness', key });
      return;
    }
    case 'group':
      define(draft, first, parseGroup(draft, second, rest.slice(2)));
      return;
    case 'quorum':
      if (draft.quorum !== undefined) throw new Error('a second quorum line');
      if (rest.length !== 1) throw new Error('expected quorum <name>');
      draft.quorum = first === 'none' ? null : lookup(draft, first);
      return;
    default:
      throw new Error(`found "${keyword}", expected log, witness, group or quorum`);
  }
}

/** Parses a policy file; throws `malformed-policy` naming the line. At least one log is demanded: a verifier has no other way to know it. */
export function parsePolicy(crypto: Crypto, text: string): Policy {
  const draft: Draft = { logs: [], witnesses: [], names: new Map(), members: new Set(), quorum: undefined };
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.split(/[ \t]+/).filter(word => word !== '');
    if (words[0] === undefined || words[0].startsWith('#')) continue;
    try {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the format forbids
      if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(line)) throw new Error('a control character');
      parseLine(crypto, draft, words);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ProofError('malformed-policy', `policy, line ${index + 1}: ${why}`, { cause });
    }
  }
  if (draft.quorum === undefined)
    throw new ProofError('malformed-policy', 'policy: no quorum line (quorum none asks for no witness)');
  if (draft.logs.length === 0)
    throw new ProofError('malformed-policy', 'policy: no log line, expected one with the key of the archiver');
  return { logs: draft.logs, witnesses: draft.witnesses, quorum: draft.quorum };
}

function isMet(crypto: Crypto, quorum: Quorum, checkpoint: SignedCheckpoint): boolean {
  if (quorum.kind === 'witness') return isSignedBy(crypto, checkpoint, quorum.key);
  return quorum.members.filter(member => isMet(crypto, member, checkpoint)).length >= quorum.threshold;
}

/** The log key by which the checkpoint is signed, its name being the checkpoint's origin, or null. */
export function logKeyOf(crypto: Crypto, policy: Policy, checkpoint: SignedCheckpoint): VerifierKey | null {
  return policy.logs.find(key => key.name === checkpoint.origin && isSignedBy(crypto, checkpoint, key)) ?? null;
}

/** Whether the checkpoint's cosignatures satisfy the policy's quorum. */
export function hasQuorum(crypto: Crypto, policy: Policy, checkpoint: SignedCheckpoint): boolean {
  return policy.quorum === null || isMet(crypto, policy.quorum, checkpoint);
}
