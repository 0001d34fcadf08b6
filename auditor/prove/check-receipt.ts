// Checks a receipt without any network, and says in words what it proves.

import { nodeCrypto } from '../../core/edge/crypto.ts';
import { hex } from '../../core/proof/bytes.ts';
import { isSignedBy } from '../../core/proof/checkpoint.ts';
import { ProofError } from '../../core/proof/error.ts';
import { formatMicros } from '../../core/proof/period.ts';
import type { Policy } from '../../core/proof/policy.ts';
import { checkReceipt, type ProvenEvent, parseReceipt, type ReceiptTrust } from '../../core/proof/receipt.ts';
import { decoderFor } from '../read/decode.ts';

export type ReceiptVerdict =
  | {
      readonly holds: true;
      readonly proven: ProvenEvent;
      /** The decoded event, or why it can't be decoded. */
      readonly event: { readonly value: unknown } | { readonly problem: string };
      /** What is proven, a sentence each. */
      readonly statements: readonly string[];
    }
  | { readonly holds: false; readonly why: string };

/** Never throws for what is in the receipt: that is the verdict. */
export function verifyReceipt(bytes: Uint8Array, trust: ReceiptTrust): ReceiptVerdict {
  try {
    const receipt = parseReceipt(bytes);
    const proven = checkReceipt(nodeCrypto, receipt, trust);
    const event = decoderFor(proven.sealed.seal.schema, receipt.schemaText)(receipt.event);
    const statements = statementsOf(proven, receipt.eventIndex, receipt.index, trust.policy);
    return { holds: true, proven, event, statements };
  } catch (error) {
    if (!(error instanceof ProofError)) throw error;
    return { holds: false, why: error.message };
  }
}

function statementsOf(
  { fields, sealed, entry, checkpoint }: ProvenEvent,
  at: number,
  index: number,
  policy: Policy,
): string[] {
  const { seal } = sealed;
  const witnesses = policy.witnesses.filter(key => isSignedBy(nodeCrypto, checkpoint, key)).map(key => key.name);
  return [
    `event ${fields.id}, which says that it occurred at ${formatMicros(fields.occurredAt)}, is exactly as the normalizer of ${seal.origin} sealed it at ${new Date(seal.sealedAt).toISOString()}: event ${at + 1} of ${seal.events} in its run, raw offset ${fields.offset} of ${fields.topic}, partition ${fields.partition}, generation ${fields.generation}`,
    `that seal is one of ${entry.seals} in the batch of ${entry.period} (${entry.duration}), entry ${index} of the log`,
    `the log of ${checkpoint.origin} committed to that batch in its checkpoint of size ${checkpoint.size}, root ${hex(checkpoint.root)}, signed by a key of the policy`,
    witnesses.length === 0
      ? 'no witness was asked for by the policy: that all see the same log rests on the archiver alone'
      : `the checkpoint was cosigned by ${witnesses.join(', ')}`,
  ];
}
