// What these commands do to personal data is recorded too, as events of the archive.

import { hex } from '../core/proof/bytes.ts';
import type { VerifierKey } from '../core/proof/note.ts';
import { type ActorInput, type AuditInput, type Auditor, createAuditor } from '../producers/sdk/index.ts';

export interface Recorder {
  /** Resolves once all in-sync replicas have the event; throws where that can't be had in time. */
  record(event: AuditInput): Promise<void>;
  close(): Promise<void>;
}

const deliveryTimeoutMs = 20_000;
const closeTimeoutMs = 5_000;

/** Connects at the first event, by KAFKA_BROKERS and SCHEMA_REGISTRY_URL. */
export function openRecorder(): Recorder {
  let auditor: Auditor | null = null;
  return {
    record: async event => {
      auditor ??= createAuditor({ service: 'tidemark', reserved: true, deliveryTimeoutMs });
      await auditor.record(event);
    },
    close: async () => {
      await auditor?.close({ timeoutMs: closeTimeoutMs });
    },
  };
}

/** Who signs with this key, as an actor. */
export function operatorOf(key: VerifierKey): ActorInput {
  return { kind: 'human', id: key.name, credential: { method: 'signed-note', keyId: hex(key.id) } };
}
