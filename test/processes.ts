// Which processes there are, as tests see them that end some.

import { execFileSync } from 'node:child_process';

function processTable(): { pid: number; parent: number; state: string }[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' }).trim().split('\n');
  return rows.map(row => {
    const [pid, parent, state = ''] = row.trim().split(/\s+/);
    return { pid: Number(pid), parent: Number(parent), state };
  });
}

/** A zombie does not run: it only waits for its parent, which may be in no hurry. */
export function isRunning(pid: number): boolean {
  return processTable().some(row => row.pid === pid && !row.state.startsWith('Z'));
}

/** The children of a process, and theirs. */
export function descendantsOf(pid: number): number[] {
  const table = processTable();
  const below = (parent: number): number[] =>
    table.filter(row => row.parent === parent).flatMap(row => [row.pid, ...below(row.pid)]);
  return below(pid);
}
