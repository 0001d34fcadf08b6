/**
 * The proof of source (core/proof/source.ts): one signature over what goes to one partition in one request, in a header of
 * the last of its records. An event costs one SHA-256, and that when it is sent, not at the call.
 */
import { nodeCrypto, signerFromPem } from '../../core/edge/crypto.ts';
import { INSTANCE_HEADER, SEQUENCE_HEADER } from '../../core/event/index.ts';
import { TreeHasher } from '../../core/proof/merkle.ts';
import { type Signer, signNote } from '../../core/proof/note.ts';
import { formatSource, SOURCE_HEADER, sourceKeyName } from '../../core/proof/source.ts';
import type { OutgoingMessage } from './transport.ts';

/** Who signs: the service, by its own key. */
export interface Source {
  readonly service: string;
  readonly signer: Signer;
}

/** Where a group goes. */
export interface GroupPlace {
  readonly topic: string;
  readonly partition: number;
}

/** A record as Kafka takes it. */
export interface SentRecord {
  readonly partition: number;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** The source of a service, from its private key (PEM). Throws where that is no Ed25519 key. */
export function sourceFromPem(service: string, pem: string): Source {
  return { service, signer: signerFromPem(sourceKeyName(service), pem) };
}

/** The records of a group; with a source, signed. `prefixOf`: the registry's, which a value begins with. */
export function recordsOf(
  messages: readonly OutgoingMessage[],
  prefixOf: (message: OutgoingMessage) => Buffer,
  place: GroupPlace,
  source: Source | undefined,
): SentRecord[] {
  const { partition } = place;
  if (source === undefined) {
    return messages.map(message => ({
      partition,
      key: message.key,
      value: Buffer.concat([prefixOf(message), message.datum]),
      headers: message.headers,
    }));
  }
  // A leaf is hashed with a byte 00 before it: it stands before the value in one buffer, so that nothing is copied twice.
  const zero = Buffer.of(0);
  let tree = new TreeHasher(nodeCrypto.sha256);
  let first = messages[0];
  return messages.map((message, index) => {
    const { key, datum, headers } = message;
    const leaf = Buffer.concat([zero, prefixOf(message), datum]);
    tree.append(nodeCrypto.sha256(leaf));
    const value = leaf.subarray(1);
    const next = messages[index + 1];
    if (next !== undefined && goesOn(message, next)) return { partition, key, value, headers };
    const proof = prove(source, place, first ?? message, message, tree);
    tree = new TreeHasher(nodeCrypto.sha256);
    first = next;
    return { partition, key, value, headers: { ...headers, [SOURCE_HEADER]: proof } };
  });
}

const instanceOf = ({ headers }: OutgoingMessage): string => headers[INSTANCE_HEADER] ?? '';
const sequenceOf = ({ headers }: OutgoingMessage): number => Number(headers[SEQUENCE_HEADER]);

/** Numbers are an instance's own, and rise: where a request has those of two, as out of a spool, each has its proof. */
function goesOn(message: OutgoingMessage, next: OutgoingMessage): boolean {
  return instanceOf(next) === instanceOf(message) && sequenceOf(next) > sequenceOf(message);
}

function prove(
  { service, signer }: Source,
  place: GroupPlace,
  first: OutgoingMessage,
  last: OutgoingMessage,
  tree: TreeHasher,
): string {
  const numbers = { instance: instanceOf(last), first: sequenceOf(first), last: sequenceOf(last) };
  const text = formatSource({ service, ...place, numbers, records: tree.size, root: tree.root() });
  return Buffer.from(signNote(text, signer)).toString('utf8');
}
