/** The door of the envelope: personal data of events, encrypted under a key per person that can be destroyed. */
export { EnvelopeError, type EnvelopeErrorCode } from './error.ts';
export { checkKeyId, type KeyOwner, keyIdOf, ownerName } from './key-id.ts';
export type { DataKey, FindKey, KeyRing } from './key-ring.ts';
export { type MemoryKeyRing, memoryKeyRing } from './memory-ring.ts';
export { type FieldState, keyIdsOf, type Opened, openPersonal } from './open.ts';
export { ownersOf, planSealing, type Sealing, sealPersonal } from './seal.ts';
