// `npm run faults -- --minutes 30 --seed N`: what the pipeline promises, under faults at random. Exit code 1 where anything is wrong; what is
// to be looked into then stays in the folder that it names.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatReport } from './report.ts';
import { isWell, runFaults } from './run.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    only: { type: 'string', default: '' },
    'at-once': { type: 'string', default: '3' },
    brokers: { type: 'string', default: '1' },
    partitions: { type: 'string', default: '24' },
    services: { type: 'string', default: '3' },
    rate: { type: 'string', default: '100' },
    keep: { type: 'boolean', default: false },
  },
});

const said: string[] = [];
const progress = (line: string): void => {
  said.push(line);
  process.stderr.write(`${line}\n`);
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const result = await runFaults({
  seed: Number(values.seed),
  forMs: Number(values.minutes) * 60_000,
  only: values.only.split(',').filter(Boolean),
  atOnce: Number(values['at-once']),
  pauseMs: [500, 6000],
  drainMs: 180_000,
  keep: true,
  brokers: Number(values.brokers),
  partitions: Number(values.partitions),
  periodSeconds: 15,
  segmentSeconds: 4,
  load: { steady: Number(values.services), rate: Number(values.rate) },
  instances: { normalizers: 2, archivers: 2 },
  progress,
});
const report = formatReport(result);
process.stdout.write(report);
if (isWell(result) && !values.keep) rmSync(result.folder, { recursive: true, force: true });
else {
  writeFileSync(join(result.folder, 'report.txt'), `${said.join('\n')}\n${report}`);
  writeFileSync(join(result.folder, 'result.json'), JSON.stringify(result, null, 2));
  process.stdout.write(`kept in ${result.folder}\n`);
}
process.exitCode = isWell(result) ? 0 : 1;
