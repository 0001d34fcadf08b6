// `npm run fuzz -- --count 1000000 --seed N`: so many mutations of valid records through the normalizer's pure decision. `--only N`: the
// one mutation that an earlier run named.

import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';

const { values } = parseArgs({
  options: { count: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
});
const number = (text: string | undefined, otherwise: number): number => {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`found "${text}", expected a whole number`);
  return value;
};
const seed = number(values.seed, Math.floor(Math.random() * 2 ** 31));
const from = number(values.only, 0);
const count = values.only === undefined ? number(values.count, 1_000_000) : 1;

const began = performance.now();
process.stdout.write(`seed ${seed}\n`);
try {
  const { events, refusals } = await fuzz(seed, from, from + count, done => {
    if (done % 100_000 === 0) process.stdout.write(`${done} of ${count}\n`);
  });
  const refused = Object.entries(refusals).sort(([, a], [, b]) => b - a);
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(
    `${count} mutations in ${seconds.toFixed(0)} s: ${events} events, ${count - events} refusals, no exception\n` +
      refused.map(([code, times]) => `  ${code.padEnd(16)} ${times}\n`).join(''),
  );
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}
