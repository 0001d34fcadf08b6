// Sealed runs of whole audit records, as a normalizer writes them: what retention goes by is in them.

import { nodeCrypto } from '../core/edge/crypto.ts';
import { hex, utf8 } from '../core/proof/bytes.ts';
import { type ChainEnd, previousOf } from '../core/proof/chain.ts';
import { leafHash, treeRoot } from '../core/proof/merkle.ts';
import { type Signer, signNote } from '../core/proof/note.ts';
import { formatSeal, type Seal, sealHash } from '../core/proof/seal.ts';
import { type AuditRecord, auditRecordText, auditRecordType } from '../schemas/index.ts';
import type { MadeRun } from './integration/archiver-writer.ts';
import { testKeys, testOrigin } from './test-keys.ts';

/** As much of a record as retention classes go by. */
export type Kept = Partial<Pick<AuditRecord, 'action' | 'tenant' | 'attributes'>>;

export function recordOf(kept: Kept, raw: AuditRecord['raw'], atMs: number): AuditRecord {
  const at = atMs * 1000;
  return {
    id: `${raw.partition}-${raw.generation}-${raw.offset}`,
    occurredAt: at,
    action: 'test.write',
    outcome: 'success',
    tenant: null,
    actor: null,
    targets: [{ type: 'thing', id: '1', name: null, person: false, changes: [] }],
    origin: null,
    producer: null,
    request: null,
    change: null,
    reason: null,
    corrects: null,
    attributes: [],
    raw,
    received: { at, source: 'broker' },
    normalizedAt: at,
    attribution: 'anonymous',
    attributionReason: '',
    enrichment: [],
    flags: [],
    policy: null,
    refused: null,
    original: null,
    ...kept,
  };
}

/** An attribute of a text; null: encrypted. */
export function attribute(key: string, text: string | null): AuditRecord['attributes'][number] {
  const sealed = { keyId: 'k', nonce: Buffer.alloc(12), ciphertext: Buffer.alloc(20) };
  return { key, value: { type: 'string', text: text ?? sealed } };
}

/** The run that goes on from `end` with these records. */
export function recordsRun(
  end: ChainEnd,
  records: readonly Kept[],
  how: { sealedAt: number; topic?: string; partition?: number; partitions?: number; origin?: string; signer?: Signer },
): MadeRun {
  const { sealedAt, topic = 'audit.raw', partition = 0, partitions = 1, origin = testOrigin } = how;
  const datums = records.map((kept, index) => {
    const raw = { topic, generation: end.generation, partition, offset: Number(end.next) + index };
    return new Uint8Array(auditRecordType().encode(recordOf(kept, raw, sealedAt)));
  });
  const { sha256 } = nodeCrypto;
  const seal: Seal = {
    origin,
    topic,
    generation: end.generation,
    partition,
    partitions,
    first: end.next,
    next: end.next + BigInt(records.length),
    events: records.length,
    skipped: 0,
    lost: 0,
    sealedAt,
    schema: hex(sha256(utf8(auditRecordText))),
    root: treeRoot(
      sha256,
      datums.map(datum => leafHash(sha256, datum)),
    ),
    previous: previousOf(sha256, end),
  };
  const text = formatSeal(seal);
  return { seal, hash: sealHash(sha256, text), note: signNote(text, how.signer ?? testKeys.seal), datums };
}
