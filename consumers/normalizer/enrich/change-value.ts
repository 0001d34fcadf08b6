// A change's place in the compacted topic, as JSON: the key names service, environment and kind, the value has the last changes.
// Nothing in either is personal: what the fields of Change, ids and actions hold is not, by the schema.
//
//     ["billing","production","deployment"]
//     {"v":1,"changes":[{"event":"…","action":"deployment.finish","since":1767607200000000,"reference":…}]}

import { z } from 'zod';
import { keptChanges } from './change-history.ts';
import type { ChangeKey, Mark } from './change-of.ts';

const text = z.string().max(512);
const keyForm = z.tuple([text.min(1), text, z.enum(['deployment', 'migration', 'configuration'])]);
const optional = text.nullable();
const valueForm = z.object({
  v: z.literal(1),
  changes: z
    .array(
      z.object({
        event: text,
        action: text,
        // Dates end there.
        since: z.number().int().min(0).max(8_640_000_000_000_000),
        reference: optional,
        run: optional,
        approval: optional,
        version: optional,
        commit: optional,
      }),
    )
    .max(keptChanges),
});

export function formatChange(key: ChangeKey, marks: readonly Mark[]): { key: string; value: string } {
  return {
    key: JSON.stringify([key.service, key.environment, key.kind]),
    value: JSON.stringify({ v: 1, changes: marks }),
  };
}

/** Null where it is none of ours. */
export function parseChange(
  key: Uint8Array | null,
  value: Uint8Array | null,
): { key: ChangeKey; marks: Mark[] } | null {
  try {
    const [service, environment, kind] = keyForm.parse(parseJson(key));
    return { key: { service, environment, kind }, marks: valueForm.parse(parseJson(value)).changes };
  } catch {
    return null;
  }
}

const parseJson = (bytes: Uint8Array | null): unknown =>
  JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array()));
