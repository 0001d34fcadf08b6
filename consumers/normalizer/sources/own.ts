// The normalizer as a source: what it sends into the raw topic is signed by the key of its seals.

import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { AUDIT_ACTIONS } from '../../../core/event/index.ts';
import { leafHash } from '../../../core/proof/merkle.ts';
import { type Signer, signNote, type VerifierKey } from '../../../core/proof/note.ts';
import { formatSource } from '../../../core/proof/source.ts';
import type { RegisteredService } from './services.ts';

/** The normalizers of a group, by the keys that seals are accepted of. */
export function ownService(group: string, keys: readonly VerifierKey[]): RegisteredService {
  return {
    name: group,
    owner: 'tidemark',
    keys: keys.map(key => ({ key, first: null, last: null })),
    actions: [AUDIT_ACTIONS.heartbeat, AUDIT_ACTIONS.policy],
    onBehalfOf: [],
    alwaysSigns: true,
  };
}

/** Who signs as a normalizer. */
export interface OwnSource {
  readonly service: string;
  readonly signer: Signer;
}

/** The proof of a single record without a producer's number. */
export function proveOwn(
  { service, signer }: OwnSource,
  place: { readonly topic: string; readonly partition: number },
  value: Buffer,
): Buffer {
  const root = leafHash(nodeCrypto.sha256, value);
  return Buffer.from(signNote(formatSource({ service, ...place, numbers: null, records: 1, root }), signer));
}
