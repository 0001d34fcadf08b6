/** A ring that keeps its keys in memory alone: for tests, trials and dry runs. What it seals is lost with it. */
import { createSecretKey, generateKeySync, type KeyObject, randomBytes } from 'node:crypto';
import { EnvelopeError } from './error.ts';
import { type KeyOwner, keyIdOf } from './key-id.ts';
import type { FindKey, KeyRing } from './key-ring.ts';

export interface MemoryKeyRing extends KeyRing {
  readonly find: FindKey;
  idOf(owner: KeyOwner): string;
  erase(owner: KeyOwner): void;
}

const newKey = (): KeyObject => generateKeySync('aes', { length: 256 });

/** An empty ring; owners are prepared as they are asked for unless `strict`. */
export function memoryKeyRing(options: { readonly strict?: boolean } = {}): MemoryKeyRing {
  const lookup = createSecretKey(randomBytes(32));
  const keys = new Map<string, KeyObject | 'erased'>();
  const idOf = (owner: KeyOwner) => keyIdOf(lookup, owner);
  const prepare = (owner: KeyOwner) => {
    const id = idOf(owner);
    if (!keys.has(id)) keys.set(id, newKey());
  };
  return {
    prepare: async owners => owners.forEach(prepare),
    holds: owners => !options.strict || owners.every(owner => keys.has(idOf(owner))),
    keyOf: owner => {
      if (!options.strict) prepare(owner);
      const id = idOf(owner);
      const key = keys.get(id);
      if (key === undefined) throw new EnvelopeError('not-prepared', `key ${id} was not prepared`);
      return { id, key: key === 'erased' ? newKey() : key };
    },
    find: id => keys.get(id) ?? null,
    idOf,
    erase: owner => void keys.set(idOf(owner), 'erased'),
  };
}
