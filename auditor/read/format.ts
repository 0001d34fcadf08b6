// Events as output: a table for a terminal, JSON lines and CSV for programs.

import { base64 } from '../../core/proof/bytes.ts';
import { formatMicros } from '../../core/proof/period.ts';
import { exactJson } from './exact-json.ts';
import { proofText } from './proof.ts';
import type { ReadEvent } from './read-events.ts';
import { TableFormat } from './table.ts';

/** Makes text of events as they come. Rows may be held back until `end`. */
export interface Format {
  row(event: ReadEvent): string;
  end(): string;
}

export const formatNames = ['table', 'jsonl', 'csv'] as const;
export type FormatName = (typeof formatNames)[number];

/** `width`: columns of the terminal, or null where nothing has to be cut. */
export function openFormat(name: FormatName, width: number | null): Format {
  switch (name) {
    case 'table':
      return new TableFormat(width);
    case 'jsonl':
      return { row: jsonLine, end: () => '' };
    case 'csv':
      return csvFormat();
  }
}

/** `{"proof", "segment", "event"}`, and `"personal"` where fields were to be opened; an event that could not be decoded has the format's own fields, its bytes, and why. */
function jsonLine(event: ReadEvent): string {
  const { proof, segment, undecodable, value, fields, datum, personal } = event;
  const { id, occurredAt, topic, generation, partition, offset, producer } = fields;
  const line =
    undecodable === null
      ? { proof, segment, event: value, personal }
      : {
          proof,
          segment,
          undecodable,
          datum: base64(datum),
          event: { id, occurredAt, raw: { topic, generation, partition, offset }, producer },
        };
  return `${exactJson(line)}\n`;
}

const csvColumns = [
  ['id', event => event.fields.id],
  ['occurredAt', event => formatMicros(event.fields.occurredAt)],
  ['action', event => event.view.action],
  ['outcome', event => event.view.outcome],
  ['tenant', event => event.view.tenant],
  ['actorId', event => event.view.actorId],
  ['actorName', event => event.view.actorName],
  ['targets', event => event.view.targets.join(' ')],
  ['service', event => event.view.service],
  ['generation', event => String(event.fields.generation)],
  ['partition', event => String(event.fields.partition)],
  ['offset', event => String(event.fields.offset)],
  ['proof', event => proofText(event.proof)],
  ['segment', event => event.segment],
] as const satisfies readonly (readonly [string, (event: ReadEvent) => string])[];

/** RFC 4180: CRLF, a header line. */
function csvFormat(): Format {
  const line = (cells: readonly string[]) => `${cells.map(csvCell).join(',')}\r\n`;
  let header = line(csvColumns.map(([name]) => name));
  const withHeader = (text: string) => {
    const out = header + text;
    header = '';
    return out;
  };
  return {
    row: event => withHeader(line(csvColumns.map(([, cell]) => cell(event)))),
    end: () => withHeader(''),
  };
}

/** Spreadsheets run what begins like a formula; whoever made the event chose its text, so an apostrophe goes before it. */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
