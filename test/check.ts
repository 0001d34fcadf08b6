/**
 * `npm run check`: all that can be known without running the programs. The checks run at once; only the output of
 * those that failed is shown, and any failure ends it with 1.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { checkRooms } from './rooms.ts';

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));

const CHECKS: Readonly<Record<string, () => Promise<Outcome>>> = {
  types: () => run('typescript/bin/tsc', '-p', '.'),
  'types of the pure rooms': () => run('typescript/bin/tsc', '-p', 'test/pure'),
  'lint and format': () => run('@biomejs/biome/bin/biome', 'check', '--error-on-warnings'),
  'unused code': () => run('knip/bin/knip.js', '--no-progress'),
  'room arrows': async () => fromProblems(checkRooms(root)),
  schemas: () => runNode('schemas/check.ts'),
};

/** Runs a package's program by this Node, whatever `node` is on the PATH. */
function run(bin: string, ...args: string[]): Promise<Outcome> {
  return runNode(fileURLToPath(new URL(`../node_modules/${bin}`, import.meta.url)), ...args);
}

function runNode(...args: string[]): Promise<Outcome> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text));
    child.on('error', error => resolve({ ok: false, output: error.message }));
    child.on('close', (code, signal) => resolve({ ok: code === 0, output: signal ? `${output}${signal}` : output }));
  });
}

function fromProblems(problems: readonly string[]): Outcome {
  return { ok: problems.length === 0, output: problems.join('\n') };
}

const outcomes = await Promise.all(
  Object.entries(CHECKS).map(async ([name, check]) => {
    const start = performance.now();
    const { ok, output } = await check().catch(error => ({ ok: false, output: String(error) }));
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)`);
    return { name, ok, output };
  }),
);

for (const { name, output } of outcomes.filter(({ ok }) => !ok)) console.log(`\n== ${name}\n\n${output.trim()}`);
process.exitCode = outcomes.every(({ ok }) => ok) ? 0 : 1;
