// What lies in the bucket of keys, one JSON object a key, named `<p1|d1>/<rest of the key id>.json`:
//
//   { "format": "tidemark-key/1", "id": "p1.…", "algorithm": "AES-256-GCM", "kek": "local:…", "wrapped": "<base64>", "created": "<time>" }
//   { "format": "tidemark-key/1", "id": "p1.…", "erased": "<time>" }
//
// The second is the tombstone of a destroyed key. It takes the key's own place, so that no instance can ever make another there.

import { z } from 'zod';
import { checkKeyId } from '../../envelope/index.ts';
import { KeysError } from './error.ts';

export interface WrappedKey {
  readonly id: string;
  readonly kek: string;
  readonly wrapped: Buffer;
  readonly created: string;
}

export interface Tombstone {
  readonly id: string;
  readonly erased: string;
}

export type KeyObjectContent = WrappedKey | Tombstone;

const FORMAT = 'tidemark-key/1';
const ALGORITHM = 'AES-256-GCM';

const contentSchema = z.union([
  z.strictObject({
    format: z.literal(FORMAT),
    id: z.string(),
    algorithm: z.string(),
    kek: z.string().min(1),
    wrapped: z.base64().min(1),
    created: z.string(),
  }),
  z.strictObject({ format: z.literal(FORMAT), id: z.string(), erased: z.string() }),
]);

export const isTombstone = (content: KeyObjectContent): content is Tombstone => 'erased' in content;

/** Name of a key's object, below the prefix. */
export function objectNameOf(keyId: string): string {
  return `${checkKeyId(keyId).replace('.', '/')}.json`;
}

/** The id of the key whose object has this name, null where it is no key's. */
export function keyIdOfName(name: string): string | null {
  const found = /^([pd]1)\/([0-9a-f-]+)\.json$/.exec(name);
  return found ? `${found[1]}.${found[2]}` : null;
}

export function formatKeyObject(content: KeyObjectContent): Buffer {
  const fields = isTombstone(content)
    ? { format: FORMAT, id: content.id, erased: content.erased }
    : {
        format: FORMAT,
        id: content.id,
        algorithm: ALGORITHM,
        kek: content.kek,
        wrapped: content.wrapped.toString('base64'),
        created: content.created,
      };
  return Buffer.from(`${JSON.stringify(fields)}\n`, 'utf8');
}

/** The content of the object that has this key's name; throws `bad-key-object`, saying what does not fit. */
export function parseKeyObject(keyId: string, bytes: Uint8Array): KeyObjectContent {
  const fail = (found: string, cause?: unknown) =>
    new KeysError('bad-key-object', `the key object of ${keyId}: ${found}`, { cause });
  let content: z.infer<typeof contentSchema>;
  try {
    content = contentSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw fail(`found ${bytes.length} bytes that are no ${FORMAT} object`, cause);
  }
  if (content.id !== keyId) throw fail(`found the key of ${JSON.stringify(content.id.slice(0, 60))}: it was swapped`);
  if ('erased' in content) return { id: content.id, erased: content.erased };
  if (content.algorithm !== ALGORITHM)
    throw fail(`found algorithm ${JSON.stringify(content.algorithm.slice(0, 40))}, expected ${ALGORITHM}`);
  const { id, kek, wrapped, created } = content;
  return { id, kek, wrapped: Buffer.from(wrapped, 'base64'), created };
}
