// On what the figures were measured: without it they say nothing.

import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';

const require = createRequire(import.meta.url);
const libraries = ['kafkajs', 'avsc', '@aws-sdk/client-s3'] as const;

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const load = loadavg()
    .map(value => value.toFixed(1))
    .join(' ');
  return [
    `machine   ${availableParallelism()} × ${model}, ${memory}, ${type()} ${release()}, load ${load}`,
    `versions  Node ${process.versions.node}, ${libraries.map(versionOf).join(', ')}`,
    `date      ${new Date().toISOString()}`,
  ].join('\n');
}

function versionOf(name: string): string {
  const { version } = require(`${name}/package.json`) as { version: string };
  return `${name} ${version}`;
}
