// Whether a run's seal is a normalizer's and true of its events. Only what this accepts is ever archived.

import { checkFormat, isAccepted } from '../../core/edge/s3/accepted.ts';
import { AvroReader, compileEventReader } from '../../core/proof/avro.ts';
import { hex, utf8 } from '../../core/proof/bytes.ts';
import type { Crypto } from '../../core/proof/crypto.ts';
import { ProofError } from '../../core/proof/error.ts';
import type { VerifierKey } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { checkRun, type ReaderCache } from '../../core/proof/segment.ts';
import type { TopicRun } from './topic-run.ts';

export interface SealRules {
  readonly crypto: Crypto;
  readonly origin: string;
  /** Raw topic. */
  readonly topic: string;
  readonly sealKeys: readonly VerifierKey[];
  readonly readers: ReaderCache;
}

/**
 * Why a run is not a normalizer's, of this partition; null: it is. Comes before its schema is asked for: what anybody may have written must
 * not make a registry's answer stop us. Throws `unknown-signature` for a seal in our name by a key that we do not know.
 */
export function problemOfSeal(rules: SealRules, partition: number, run: TopicRun): string | null {
  const { crypto, origin, topic } = rules;
  const { seal, note } = run.sealed;
  const where = `events topic, partition ${partition}, offset ${run.nextOffset - 1n}`;
  checkFormat(note.text, 'tidemark-seal', '1', where);
  if (seal.origin !== origin || seal.topic !== topic || seal.partition !== partition)
    return `its seal is of ${seal.origin}, ${seal.topic} ${seal.partition}`;
  return isAccepted(crypto, note, rules.sealKeys, sealKeyName(origin), where) ? null : 'no valid signature on its seal';
}

/** Why a run's seal is not true of its events; null: it is, and the run can be archived. */
export function problemOfRun({ crypto, readers }: SealRules, run: TopicRun, schemaText: string): string | null {
  const schema = hex(crypto.sha256(utf8(schemaText)));
  try {
    const read = readers.get(schema) ?? compileEventReader(schemaText);
    readers.set(schema, read);
    const events = run.datums.map(datum => {
      const reader = new AvroReader(datum);
      const fields = read(reader);
      if (!reader.done) throw new ProofError('malformed-event', `event ${fields.id} has bytes behind its end`);
      return { fields, datum };
    });
    return checkRun(crypto.sha256, { sealed: run.sealed, events }, schema)[0] ?? null;
  } catch (error) {
    if (error instanceof ProofError) return error.message;
    throw error;
  }
}
