// How long it takes, step by step: what a table of them says.

/** A step, in the order in which they are taken, and what has been done at its end. */
export const steps = {
  init: 'npm init',
  install: 'npm install',
  start: 'start',
  acknowledged: 'acknowledged',
  sealed: 'sealed',
  archived: 'archived',
  verified: 'verified',
} as const;
export type Step = keyof typeof steps;

/** Milliseconds of each step from the end of the one before. */
export type Times = Readonly<Record<Step, number>>;

export interface Row {
  /** Framework, its version and the Node. */
  readonly what: string;
  readonly times: Times;
}

export function timesTable(rows: readonly Row[]): string[] {
  const names = Object.keys(steps) as Step[];
  const cells = [
    ['', ...Object.values(steps), 'in all'],
    ...rows.map(({ what, times }) => {
      const each = names.map(name => times[name]);
      return [what, ...[...each, each.reduce((sum, ms) => sum + ms, 0)].map(ms => (ms / 1000).toFixed(1))];
    }),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0))) ?? [];
  return cells.map(row =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}
