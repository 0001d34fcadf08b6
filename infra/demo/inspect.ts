// An auditor's look: what lies in the bucket, what it says, and whether it can be believed.

import { type Listed, listObjects } from './bucket.ts';
import { DemoError } from './error.ts';
import { locationOf, tidemark, trustOf } from './programs.ts';
import { bytes, check, command, detail, heading, output, plural, say } from './screen.ts';
import { RETENTION, type World } from './world.ts';

/** Files of a folder that are shown before the rest is counted. */
const SHOWN = 3;
/** Lines of a table. */
const ROWS = 8;

export async function showTree(world: World): Promise<void> {
  heading('The archive', `What is now in s3://${world.bucket}/${world.prefix}, each object under its own lock.`);
  const objects = await listObjects(world);
  const folders = Map.groupBy(objects, ({ key }) => key.slice(0, key.lastIndexOf('/') + 1));
  for (const [folder, listed] of folders) {
    if (folder !== '') say(folder);
    for (const { key, size } of listed.slice(0, SHOWN)) {
      const indent = folder === '' ? '' : '  ';
      say(`${(indent + key.slice(folder.length)).padEnd(52)} ${bytes(size).padStart(9)}`);
    }
    if (listed.length > SHOWN) detail(`  … ${listed.length - SHOWN} more, ${bytes(total(listed.slice(SHOWN)))}`);
  }
  say();
  say(`${plural(objects.length, 'object')}, ${bytes(total(objects))}`);
}

const total = (listed: readonly Listed[]): number => listed.reduce((sum, { size }) => sum + size, 0);

export async function readEvents(world: World): Promise<void> {
  heading('Reading', 'From here on an auditor needs the bucket and two public keys: no Kafka, no registry.');
  for (const filter of [
    ['--outcome', 'denied'],
    ['--action', 'permission.*'],
    ['--action', 'audit.erase.*', '--action', 'audit.reveal'],
  ]) {
    command(`npx tidemark read ${locationOf(world)} … ${filter.join(' ').replace(/\S+\*/g, "'$&'")}`);
    const result = await tidemark(world, ['read', locationOf(world), ...trustOf(world), ...filter]);
    output([...firstLines(result.text), ...result.said.split('\n')], 'rows');
    say();
    if (result.code !== 0) check(false, 'read', `exit code ${result.code}, expected 0`);
  }
}

function firstLines(text: string): string[] {
  const lines = text.trimEnd().split('\n');
  return lines.length > ROWS ? [...lines.slice(0, ROWS), `… ${lines.length - ROWS} more`] : lines;
}

/** Runs `verify` and shows what it says; the exit code has to be the expected one. */
export async function verify(world: World, expected: 0 | 1): Promise<void> {
  command(`npx tidemark verify ${locationOf(world)} --policy policy --normalizer-keys normalizer.vkey`);
  const { code, text, said } = await tidemark(world, verifyArguments(world));
  output([...text.split('\n'), ...said.split('\n')], 'sentences');
  say();
  const what = expected === 0 ? 'verify says intact' : 'verify says that evidence was attacked';
  check(code === expected, `${what} (exit code ${expected})`, `exit code ${code}, expected ${expected}`);
}

/** What `verify` finds, as code and object. */
export async function findings(world: World): Promise<string[]> {
  const { text, said } = await tidemark(world, [...verifyArguments(world), '--json']);
  try {
    const verdict: { findings: { code: string; object: string }[] } = JSON.parse(text);
    return verdict.findings.map(({ code, object }) => `${code} ${object}`);
  } catch (cause) {
    throw new DemoError('step-failed', `verify --json: found no verdict: ${said}`, { cause });
  }
}

function verifyArguments(world: World): string[] {
  const promised = ['--min-retention', RETENTION.replace(/^\S+ /, '')];
  return ['verify', locationOf(world), ...trustOf(world), ...promised];
}
