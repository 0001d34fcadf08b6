// What the demo shows: plain lines, with colour and in-place progress only on a terminal.

import { styleText } from 'node:util';
import { DemoError } from './error.ts';

const isTerminal = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const width = Math.max(60, Math.min(process.stdout.columns || 120, 140));
const MARGIN = '   ';

type Style = Parameters<typeof styleText>[0];

const styled = (style: Style, text: string): string =>
  isTerminal ? styleText(style, text, { validateStream: false }) : text;

let wasEmpty = false;

/** Writes a line; of empty lines that follow each other only the first. */
function write(line: string): void {
  if (line !== '' || !wasEmpty) process.stdout.write(`${line}\n`);
  wasEmpty = line === '';
}

const clip = (text: string, room = width - MARGIN.length): string =>
  text.length > room ? `${text.slice(0, room - 1)}…` : text;

let acts = 0;

/** A new act: its number, its name, and in a sentence what is to be seen. */
export function heading(name: string, what: string): void {
  acts += 1;
  write('');
  write(styled(['bold', 'cyan'], `${acts}  ${name}`));
  write(`${MARGIN}${styled('dim', what)}`);
  write('');
}

export function say(text = ''): void {
  write(text === '' ? '' : `${MARGIN}${text}`);
}

export function detail(text: string): void {
  write(`${MARGIN}${styled('dim', clip(text))}`);
}

/** A name and what it stands for, in columns. */
export function pair(name: string, value: string, columns = 16): void {
  write(`${MARGIN}${name.padEnd(columns)} ${styled('dim', clip(value, width - MARGIN.length - columns - 1))}`);
}

/** A command as a reader may type it. */
export function command(text: string): void {
  write(`${MARGIN}${styled('bold', `$ ${text}`)}`);
}

/** Another program's output, line by line behind a bar: rows of a table cut off at the terminal's edge, sentences wrapped. */
export function output(lines: readonly string[], lay: 'rows' | 'sentences'): void {
  const bar = `${MARGIN}${styled('dim', '│')}`;
  const room = width - MARGIN.length - 2;
  for (const line of lines.filter(line => line !== '')) {
    const shown = lay === 'rows' ? [clip(line, room)] : wrap(line, room);
    for (const part of shown) write(`${bar} ${verdict(part)}`);
  }
}

/** The word that matters most of a verdict's line stands out. */
function verdict(line: string): string {
  return line
    .replace(/^(?:NOT INTACT|FINDING)\b/, word => styled(['bold', 'red'], word))
    .replace(/^INTACT\b/, word => styled(['bold', 'green'], word));
}

/** Further lines are set in; a word that is longer than a line stays whole, so that it can be copied. */
function wrap(line: string, room: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    if (current.trim() !== '' && current.length + 1 + word.length > room) {
      lines.push(current);
      current = `    ${word}`;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current];
}

/** Says that something held; throws DemoError `step-failed` where it did not. */
export function check(holds: boolean, what: string, otherwise: string): void {
  if (!holds) throw new DemoError('step-failed', `${what}: ${otherwise}`);
  write(`${MARGIN}${styled('green', '✓')} ${what}`);
}

export function failure(text: string): void {
  process.stderr.write(`\n${styled('red', '✗')} ${text}\n`);
}

export function bytes(size: number): string {
  return size < 10_000 ? `${size} B` : `${(size / 1000).toFixed(1)} kB`;
}

export const plural = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
