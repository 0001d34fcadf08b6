// `npm run bench`: all benches, each in a process of its own, so that none pays for what the one before has left in the heap or taught
// the compiler. `npm run bench -- NAME …` runs those that are named, `--cases a,b` only some of their cases.

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startStack } from '../../infra/local/stack.ts';
import { type BenchOptions, print } from './bench.ts';
import { type BenchEntry, benches } from './benches.ts';
import { describeMachine } from './machine.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repetitions: { type: 'string' },
    events: { type: 'string' },
    cases: { type: 'string' },
    profiles: { type: 'string' },
    here: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
});

if (values.help) print(usage());
else if (values.here) await runHere(entryOf(positionals[0] ?? ''));
else await runAll(positionals.length > 0 ? positionals.map(entryOf) : benches.filter(({ long }) => !long));

function usage(): string {
  const lines = benches.map(({ name, about, long }) => `  ${name.padEnd(14)} ${about}${long ? ' (only by name)' : ''}`);
  const options = '[--repetitions N] [--events N] [--cases a,b] [--profiles FOLDER]';
  return `npm run bench -- [NAME …] ${options}\n\n${lines.join('\n')}`;
}

function entryOf(name: string): BenchEntry {
  const entry = benches.find(one => one.name === name);
  if (entry) return entry;
  process.stderr.write(`no bench "${name}"\n\n${usage()}\n`);
  process.exit(2);
}

function numberOf(name: 'repetitions' | 'events'): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  process.stderr.write(`--${name} ${text}: expected a whole number from 1\n`);
  process.exit(2);
}

async function runHere(entry: BenchEntry): Promise<void> {
  const options: BenchOptions = {
    repetitions: numberOf('repetitions'),
    events: numberOf('events'),
    cases: (values.cases ?? '').split(',').filter(Boolean),
    profiles: values.profiles,
  };
  const { bench } = await entry.load();
  await bench.run(options);
}

async function runAll(chosen: readonly BenchEntry[]): Promise<void> {
  numberOf('repetitions');
  numberOf('events');
  print(describeMachine());
  if (values.profiles !== undefined) mkdirSync(values.profiles, { recursive: true });
  const began = performance.now();
  const progress = (line: string) => void process.stderr.write(`${line}\n`);
  const stack = chosen.some(({ servers }) => servers) ? await startStack({ progress }) : undefined;
  try {
    for (const { name, about } of chosen) {
      print(`\n== ${name}: ${about}\n`);
      const code = await runApart(name, stack?.env ?? {});
      if (code === 0) continue;
      print(`${name} ended with ${code}`);
      process.exitCode = 1;
    }
  } finally {
    await stack?.stop();
  }
  print(`\n${Math.round((performance.now() - began) / 1000)} s`);
}

/** Runs a bench in a process of its own; answers its exit code, or the signal that ended it. */
function runApart(name: string, env: Record<string, string>): Promise<number | string> {
  const given = (['repetitions', 'events', 'cases'] as const).flatMap(option => {
    const value = values[option];
    return value === undefined ? [] : [`--${option}`, value];
  });
  if (values.profiles !== undefined) given.push('--profiles', resolve(values.profiles));
  const args = [fileURLToPath(import.meta.url), '--here', name, ...given];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('exit', (code, signal) => done(code ?? signal ?? 'nothing'));
  });
}
