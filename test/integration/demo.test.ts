/** The demo as a user runs it, on the run's servers; and the copy that it leaves, checked by the commands that it names. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { descendantsOf, isRunning } from '../processes.ts';
import { stackEnv } from '../stack.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT_MS = 180_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-demo-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; output: string }>;
  /** Resolves when the output has this text. */
  until(text: string): Promise<void>;
}

function run(main: string, args: string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [join(root, main), ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const waiting: { text: string; resolve(): void }[] = [];
  const take = (text: string): void => {
    output += text;
    for (const waiter of waiting) if (output.includes(waiter.text)) waiter.resolve();
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', take);
  const ended = new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => resolve({ code, output }));
  });
  const until = (text: string) =>
    Promise.race([
      new Promise<void>(resolve => waiting.push({ text, resolve })),
      ended.then(() => {
        throw new Error(`it ended without "${text}":\n${output}`);
      }),
    ]);
  return { child, ended, until };
}

describe('the demo', () => {
  let output: string;
  let copy: string;

  beforeAll(async () => {
    copy = join(folder, 'kept');
    const result = await run('infra/demo/main.ts', ['--keep', copy], stackEnv()).ended;
    output = result.output;
    expect(result.code, output).toBe(0);
  }, LIMIT_MS);

  test('shows each act, without colours where there is no terminal', () => {
    const acts = [...output.matchAll(/^\d+ {2}(.+)$/gm)].map(match => match[1]);
    expect(acts).toEqual([
      'Servers',
      'Consumers',
      'Webhooks',
      'A deployment',
      'A service',
      'Sealing',
      'Context',
      'A refusal',
      'A person',
      'The archive',
      'Reading',
      'Verifying',
      'A copy',
      'Attacks',
      'Done',
    ]);
    expect(output).not.toContain('\u001b');
  });

  test('tells of an event its owner and the changes that were live, and of a refusal why', () => {
    for (const [name, value] of [
      ['owner', 'team-shop'],
      ['deployment.version', '4.2.0'],
      ['configuration.reference', 'CHG-1042'],
    ])
      expect(output).toMatch(new RegExp(`^ +${name} +${value} `, 'm'));
    expect(output).toMatch(/^ +message +rule changes-name-a-ticket demands the field change\.reference/m);
  });

  test('erases a person by two operators, and is intact before and after', () => {
    inOrder([
      'u-1842 Ada Lovelace ',
      '✓ with the keys she is read in clear',
      'INTACT',
      '✓ verify says intact',
      'asked by op-anna, approved by op-ben',
      'erased  ',
      'u-1842 (erased) ',
      '✓ she reads as erased',
      'INTACT',
      '✓ verify says intact',
    ]);
    const after = output.slice(output.indexOf('u-1842 (erased)'));
    expect(after).not.toContain('Lovelace');
    expect(after).toContain('audit.erase.execute');
  });

  test('is intact before the attacks, and finds both that the bucket let through', () => {
    inOrder([
      '✓ verify says intact',
      '✓ refused by the lock',
      '✓ hidden',
      '✓ replaced',
      '✓ it finds the hidden',
      '✓ it finds the altered',
    ]);
    expect(output).toMatch(/403 AccessDenied/);
  });

  /** Each of the texts comes after the one before it. */
  const inOrder = (texts: readonly string[]): void => {
    let from = 0;
    for (const text of texts) {
      const place = output.indexOf(text, from);
      expect(place, `${text} in\n${output}`).toBeGreaterThanOrEqual(from);
      from = place + text.length;
    }
  };

  test('leaves a copy that is laid out as the golden archive', async () => {
    expect((await readdir(copy)).sort()).toEqual(['README.md', 'normalizer.vkey', 'objects', 'policy', 'receipts']);
    expect((await readdir(join(copy, 'objects/demo'))).sort()).toEqual([
      'archive.json',
      'aside',
      'batches',
      'events',
      'log',
    ]);
    expect(await readFile(join(copy, 'policy'), 'utf8')).toMatch(/^log \S+\nquorum none\n$/);
  });

  test('whose archive is intact', async () => {
    const verify = await run('cli/main.ts', ['verify', join(copy, 'objects/demo'), ...trust()]).ended;
    expect(verify.code, verify.output).toBe(0);
    const read = await run('cli/main.ts', ['read', join(copy, 'objects/demo'), ...trust(), '--format', 'jsonl']).ended;
    expect(read.code, read.output).toBe(0);
    for (const action of ['code.push', 'order.refund', 'settings.change']) expect(read.output).toContain(action);
    expect(read.output).not.toMatch(/Lovelace|ada@shop/);
  });

  test('and whose receipts prove their events', async () => {
    const receipts = await readdir(join(copy, 'receipts'));
    expect(receipts.length).toBeGreaterThanOrEqual(3);
    for (const receipt of receipts) {
      const checked = await run('cli/main.ts', ['check-receipt', join(copy, 'receipts', receipt), ...trust()]).ended;
      expect(checked.code, checked.output).toBe(0);
      expect(checked.output).toContain(receipt.replace('.tlog-proof', ''));
    }
  });

  test('never overwrites anything', async () => {
    const used = await mkdtemp(join(folder, 'used-'));
    await writeFile(join(used, 'mine'), 'mine');
    const result = await run('infra/demo/main.ts', ['--keep', used], stackEnv()).ended;
    expect([result.code, await readdir(used)]).toEqual([2, ['mine']]);
    expect(result.output).toContain('is not empty');
  });

  const trust = () => ['--policy', join(copy, 'policy'), '--normalizer-keys', join(copy, 'normalizer.vkey')];
});

test('Ctrl-C ends the demo and all that it started', { timeout: LIMIT_MS }, async () => {
  const demo = run('infra/demo/main.ts', [], stackEnv());
  await demo.until('Webhooks');
  const started = descendantsOf(demo.child.pid ?? 0);
  expect(started.length).toBeGreaterThanOrEqual(2);
  demo.child.kill('SIGINT');
  expect((await demo.ended).code).toBe(130);
  await expect.poll(() => started.filter(isRunning), { timeout: 20_000 }).toEqual([]);
});
