// Whether the records of a group have the proof of source that one of them carries: one signature for all of them, before any is read.
// Pure. A group is what came in one batch of Kafka's, which one client made: a proof is for the records from the one behind the last
// proof up to the one that carries it, and where it does not hold, all of these are refused. Records behind the last proof have none.

import type { FetchedRecord } from '../../../core/edge/kafka/index.ts';
import { equalBytes, hex } from '../../../core/proof/bytes.ts';
import type { Crypto } from '../../../core/proof/crypto.ts';
import { ProofError } from '../../../core/proof/error.ts';
import { isValidAt } from '../../../core/proof/keys.ts';
import { leafHash, TreeHasher } from '../../../core/proof/merkle.ts';
import { parseNote, signerOf } from '../../../core/proof/note.ts';
import { parseSource, SOURCE_HEADER, type SourceGroup, type SourceNumbers } from '../../../core/proof/source.ts';
import type { Services } from './services.ts';

/** What is known of a record's source before it is read: plain data. */
export type SourceVerdict =
  /** `unregistered`: somebody signed whom nobody here knows, which proves nothing. */
  | { readonly proof: 'none' | 'unregistered' }
  | {
      readonly proof: 'valid';
      readonly service: string;
      /** Hex id of the key that signed. */
      readonly keyId: string;
      readonly numbers: SourceNumbers | null;
    }
  | { readonly proof: 'wrong'; readonly code: 'source-signature' | 'source-group'; readonly message: string };

export const NO_PROOF: SourceVerdict = { proof: 'none' };
const UNREGISTERED: SourceVerdict = { proof: 'unregistered' };

export interface GroupContext {
  readonly crypto: Crypto;
  readonly topic: string;
  readonly partition: number;
  readonly services: Services;
  /** Milliseconds; asked where the topic's own time is only what a producer says. */
  readonly now: number;
}

/** A verdict for each record of a group. */
export function judgeGroup(group: readonly FetchedRecord[], context: GroupContext): SourceVerdict[] {
  const verdicts: SourceVerdict[] = [];
  for (const [index, record] of group.entries()) {
    const proof = record.headers.find(([name]) => name === SOURCE_HEADER);
    if (!proof) continue;
    const covered = group.slice(verdicts.length, index + 1);
    const verdict = judgeProof(proof[1] ?? Buffer.alloc(0), covered, record, context);
    for (const _ of covered) verdicts.push(verdict);
  }
  while (verdicts.length < group.length) verdicts.push(NO_PROOF);
  return verdicts;
}

const maxNoteBytes = 4096;

function judgeProof(
  bytes: Buffer,
  covered: readonly FetchedRecord[],
  { timestamp, logAppendTime }: FetchedRecord,
  { crypto, services, now, topic, partition }: GroupContext,
): SourceVerdict {
  const parsed = parseProof(bytes);
  if (typeof parsed === 'string') return wrong('source-signature', parsed);
  const { note, source } = parsed;
  const service = services.get(source.service);
  if (!service) return UNREGISTERED;
  const { name } = service;
  const at = logAppendTime ? timestamp : now;
  const keysIn = (isIn: boolean) => service.keys.filter(one => isValidAt(one, at, 0) === isIn).map(one => one.key);
  const key = signerOf(crypto, note, keysIn(true));
  if (!key) {
    const isOver = signerOf(crypto, note, keysIn(false)) !== null;
    const found = isOver ? `by a key of ${name} outside the time for which it counts` : `by no key of ${name}`;
    return wrong('source-signature', `found a proof of source signed ${found}, expected one of its registered keys`);
  }
  if (source.topic !== topic || source.partition !== partition) {
    const expected = `one for ${topic} ${partition}`;
    return wrong(
      'source-group',
      `found a proof of source by ${name} for another topic or partition, expected ${expected}`,
    );
  }
  const { numbers, records, root } = source;
  if (records !== covered.length) {
    const found = `found a proof of source by ${name} over ${records} records`;
    return wrong('source-group', `${found}, expected one over the ${covered.length} that came with it`);
  }
  if (!equalBytes(root, rootOf(covered, crypto))) {
    return wrong(
      'source-group',
      `found a proof of source by ${name} over other records than the ${records} it came with`,
    );
  }
  return { proof: 'valid', service: name, keyId: hex(key.id), numbers };
}

const wrong = (code: 'source-signature' | 'source-group', message: string): SourceVerdict => ({
  proof: 'wrong',
  code,
  message,
});

function parseProof(bytes: Buffer): { note: ReturnType<typeof parseNote>; source: SourceGroup } | string {
  if (bytes.length > maxNoteBytes)
    return `found a proof of source of ${bytes.length} bytes, expected at most ${maxNoteBytes}`;
  try {
    const note = parseNote(bytes);
    return { note, source: parseSource(note.text) };
  } catch (error) {
    if (!(error instanceof ProofError)) throw error;
    return `found a proof of source of ${bytes.length} bytes that is no signed note of its form`;
  }
}

function rootOf(records: readonly FetchedRecord[], { sha256 }: Crypto): Uint8Array {
  const tree = new TreeHasher(sha256);
  for (const { value } of records) tree.append(leafHash(sha256, value ?? Buffer.alloc(0)));
  return tree.root();
}
