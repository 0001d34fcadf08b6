// Reads CPU profiles that benches have taken (`--profiles FOLDER`) and prints where the time went: by part of the program, then by
// function, each with what it took itself.
//
//   node test/bench/profile-program.ts <file.cpuprofile> …

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { print } from './bench.ts';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const functionsShown = 30;
const partsShown = 20;

/** The part of the program that a frame is of: a package, a folder of ours, or Node itself. */
function partOf(url: string, name: string): string {
  if (url === '') return name.startsWith('(') ? name : '(native)';
  const packaged = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (packaged !== undefined) return packaged;
  if (url.startsWith('node:')) return url;
  return /\/((?:core|consumers|producers|auditor|schemas|test)\/[^/]+)/.exec(url)?.[1] ?? url;
}

const addTo = (sums: Map<string, number>, name: string, ms: number): void =>
  void sums.set(name, (sums.get(name) ?? 0) + ms);

function summarise(file: string): void {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as Profile;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parts = new Map<string, number>();
  const functions = new Map<string, number>();
  let busy = 0;
  for (const [at, id] of samples.entries()) {
    const frame = frames.get(id);
    const ms = (timeDeltas[at] ?? 0) / 1000;
    if (!frame || frame.functionName === '(idle)') continue;
    busy += ms;
    const name = frame.functionName === '' ? '(anonymous)' : frame.functionName;
    addTo(parts, partOf(frame.url, name), ms);
    addTo(functions, `${name}  ${frame.url === '' ? '' : `${basename(frame.url)}:${frame.lineNumber + 1}`}`, ms);
  }
  print(`${file}: busy for ${(busy / 1000).toFixed(1)} s`);
  for (const [sums, shown] of [
    [parts, partsShown],
    [functions, functionsShown],
  ] as const) {
    print();
    const sorted = [...sums].sort(([, a], [, b]) => b - a).slice(0, shown);
    for (const [name, ms] of sorted) print(`${((ms / busy) * 100).toFixed(1).padStart(6)} %  ${name}`);
  }
  print();
}

for (const file of process.argv.slice(2)) summarise(file);
