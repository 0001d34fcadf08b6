// What the events topic has room for. A broker bounds what it takes compressed alone, so a raw record may expand to far more than an
// event may take; sealed, it does not compress any more. One that does not fit is refused, and its digest kept, so that no record
// whatever stops its partition.

import { hash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import type { FetchedRecord } from '../../core/edge/kafka/index.ts';
import type { RunEvent } from './run.ts';

/** What a raw record may expand to, as it is fetched: it is held several times while it becomes an event. */
export const MAX_RAW_BYTES = 16 << 20;
/** Readers of events take no larger one: below what the Kafka edge holds of a record. */
const maxEventBytes = 60 << 20;
/** The batch's head, the seal beside the event, and what compressing may add. */
const margin = 8192;

export interface Room {
  /** Whether the event can be written, compressed as `output.ts` does it. */
  holds(event: RunEvent): boolean;
}

/** `maxMessageBytes`: of the events topic; null: not known, so that only a broker can say. */
export function createRoom(maxMessageBytes: number | null): Room {
  const most = maxMessageBytes === null ? Number.POSITIVE_INFINITY : maxMessageBytes - margin;
  return {
    holds: ({ key, value }) => {
      const size = value.length + (key?.length ?? 0);
      if (size > maxEventBytes) return false;
      return size <= most || zstdCompressSync(value).length + (key?.length ?? 0) <= most;
    },
  };
}

const kept = { key: 4096, headers: 16, name: 64, value: 1024 };

/** A record without what makes it large: the digest of its value, its key if that is small, the first of its small headers. */
export function withoutBody(raw: FetchedRecord): FetchedRecord {
  const { key, value, headers } = raw;
  const bytes = headers.reduce(
    (sum, [name, header]) => sum + name.length + (header?.length ?? 0),
    (key?.length ?? 0) + (value?.length ?? 0),
  );
  const isSmall = ([name, header]: (typeof headers)[number]): boolean =>
    name.length <= kept.name && (header?.length ?? 0) <= kept.value;
  return {
    ...raw,
    key: key && key.length <= kept.key ? key : null,
    value: null,
    headers: headers.slice(0, kept.headers).filter(isSmall),
    unheld: { code: 'too-large', bytes, sha256: hash('sha256', value ?? Buffer.alloc(0), 'hex') },
  };
}
