/**
 * Events read and records written on the hot path, by generated code; avsc stays what the rest of the programs use, and what this is
 * held against (test/unit/schemas/codec.test.ts: the same bytes, the same values, over random records).
 *
 * A record's datum begins with the fields of the event that it was made from. So where nothing of these is changed, the event's own
 * bytes are copied, with what takes the place of personal texts, and only what was added is encoded.
 */
import { readAuditEvent } from './audit-event-reader.generated.ts';
import { writeAddedFields, writeAuditEvent, writeEnrichment } from './audit-record-writer.generated.ts';
import { DatumError, type DatumFlaw, DatumReader } from './datum-reader.ts';
import { DatumWriter, type Replacements } from './datum-writer.ts';
import { keepEncoding } from './shared-encoding.ts';
import type { AuditEvent, AuditRecord, Enrichment } from './types.ts';

/** The bytes of an event, as our own encoder writes it, and where in them is what. */
export interface EventBytes {
  readonly datum: Buffer;
  /** Start and end of each personal text, with the index of its union, in order. */
  readonly personal: readonly number[];
  /** Start and end of each text, in order. */
  readonly texts: readonly number[];
  /** Of each field of the event: how many texts come before it. */
  readonly fields: readonly number[];
}

/** An event as it was read. */
export interface EventRead {
  readonly event: AuditEvent;
  /** Null where its datum is not what our own encoder would write. */
  readonly bytes: EventBytes | null;
  /** It is known that no text has a control character. */
  readonly isPlain: boolean;
}

/** Reads a datum that was written by the schema in force (audit-event.avsc); of one that is not sound, the first flaw. */
export function readEvent(datum: Buffer): EventRead | DatumFlaw {
  const reader = new DatumReader(datum);
  try {
    const event = readAuditEvent(reader);
    reader.finish();
    const { personal, texts, fields, isPlain, isCanonical } = reader;
    return { event, bytes: isCanonical ? { datum, personal, texts, fields } : null, isPlain };
  } catch (error) {
    if (error instanceof DatumError) return error.flaw;
    throw error;
  }
}

/** Has an entry, which is frozen with all that it holds, encoded once for all records that it is given to. */
export function shareEnrichment(entry: Enrichment): void {
  keepEncoding(entry, DatumWriter.encodePart(entry, writeEnrichment));
}

/** Writes an event's datum, as avsc would; the bytes are never written to again. */
export function writeEvent(writer: DatumWriter, event: AuditEvent): Buffer {
  writer.begin();
  writeAuditEvent(writer, event);
  return writer.end();
}

/**
 * Writes a record's datum behind `room` bytes, which the answer begins with. `event`: the bytes of the event, where the record still
 * says just what they do. `replacements`: what takes the place of its personal texts, those of what was added too.
 */
export function writeRecord(
  writer: DatumWriter,
  record: AuditRecord,
  event: EventBytes | null = null,
  replacements: Replacements | null = null,
  room = 0,
): Buffer {
  writer.begin(room, replacements);
  if (event === null) writeAuditEvent(writer, record);
  else writer.splice(event.datum, event.personal);
  writeAddedFields(writer, record);
  return writer.end();
}
