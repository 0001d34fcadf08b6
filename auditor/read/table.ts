// A table for a terminal. Columns are as wide as the first rows need, so that rows can go on streaming. Texts were chosen by
// whoever made the event: nothing in them reaches the terminal as a control sequence.

import { formatMicros } from '../../core/proof/period.ts';
import type { ReadEvent } from './read-events.ts';

interface Column {
  readonly title: string;
  /** Most columns that it takes on a terminal. */
  readonly most: number;
  readonly cell: (event: ReadEvent) => string;
}

const columns: readonly Column[] = [
  { title: 'TIME (UTC)', most: 23, cell: ({ fields }) => timeText(fields.occurredAt) },
  {
    title: 'ACTION',
    most: 28,
    cell: event => event.view.action || (event.undecodable === null ? '' : '(undecodable)'),
  },
  { title: 'OUTCOME', most: 8, cell: event => event.view.outcome },
  { title: 'ACTOR', most: 30, cell: actorText },
  { title: 'TARGETS', most: 40, cell: event => event.view.targets.join(' ') },
  { title: 'SERVICE', most: 18, cell: event => event.view.service },
  { title: 'PROOF', most: 8, cell: event => event.proof.status },
];

/** Columns that give way first where the terminal is narrow. */
const givingWay = ['TARGETS', 'ACTOR', 'SERVICE', 'ACTION'];
const least = 8;
const sampleRows = 100;
const gap = '  ';

function timeText(micros: bigint): string {
  return formatMicros(micros)
    .replace('T', ' ')
    .replace(/(\.\d{3})\d{3}Z$/, '$1');
}

function actorText({ view }: ReadEvent): string {
  return view.actorName === '' ? view.actorId : `${view.actorId} ${view.actorName}`;
}

export class TableFormat {
  readonly #width: number | null;
  #sample: string[][] | null = [];
  #widths: number[] = [];

  constructor(width: number | null) {
    this.#width = width;
  }

  row(event: ReadEvent): string {
    const cells = columns.map(column => printable(column.cell(event)));
    if (!this.#sample) return this.#line(cells);
    this.#sample.push(cells);
    return this.#sample.length < sampleRows ? '' : this.end();
  }

  /** The rows that were held back. */
  end(): string {
    const sample = this.#sample;
    if (!sample || sample.length === 0) return '';
    this.#sample = null;
    const titles = columns.map(column => column.title);
    this.#widths = this.#fit([titles, ...sample]);
    return [titles, ...sample].map(cells => this.#line(cells)).join('');
  }

  #fit(rows: readonly (readonly string[])[]): number[] {
    const widths = columns.map(({ most }, i) => {
      const needed = Math.max(...rows.map(cells => displayWidth(cells[i] ?? '')));
      return this.#width === null ? needed : Math.min(needed, most);
    });
    if (this.#width === null) return widths;
    let over = widths.reduce((sum, width) => sum + width, gap.length * (columns.length - 1)) - this.#width;
    for (const title of givingWay) {
      const i = columns.findIndex(column => column.title === title);
      const width = widths[i] ?? 0;
      const taken = Math.min(Math.max(0, over), Math.max(0, width - least));
      widths[i] = width - taken;
      over -= taken;
    }
    return widths;
  }

  #line(cells: readonly string[]): string {
    const fitted = cells.map((text, i) => {
      const width = this.#widths[i] ?? 0;
      const cut = this.#width === null ? text : cutTo(text, width);
      return cut + ' '.repeat(Math.max(0, width - displayWidth(cut)));
    });
    return `${fitted.join(gap).trimEnd()}\n`;
  }
}

/** Control, format and unassigned characters as visible escapes: no terminal sequence, no text that runs backwards. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, char => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

function charWidth(char: string): number {
  if (/\p{M}/u.test(char)) return 0;
  // East Asian wide and full-width characters, and emoji, take two columns.
  const wide =
    /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\uff01-\uff60]/u;
  return wide.test(char) ? 2 : 1;
}

function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

function cutTo(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let out = '';
  let used = 1;
  for (const char of text) {
    used += charWidth(char);
    if (used > width) break;
    out += char;
  }
  return `${out}…`;
}
