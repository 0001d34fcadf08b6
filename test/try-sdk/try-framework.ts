// One way through: an empty project, README's snippet of a framework in it, a request, and its event until it is proven.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { locationOf, tidemark, trustOf } from '../../infra/demo/programs.ts';
import type { World } from '../../infra/demo/world.ts';
import { readmeSnippet } from '../readme.ts';
import { runIn } from './command.ts';
import { followTarget, untilProven } from './progress.ts';
import { startService } from './service.ts';
import type { Row, Step, Times } from './times.ts';

/** As README's headings have them. */
export const frameworks = ['Fastify', 'Express', 'Hono'] as const;
export type Framework = (typeof frameworks)[number];

export interface Plan {
  readonly framework: Framework;
  readonly major: string;
  /** Path of the Node that npm and the service run on. */
  readonly node: string;
  /** Path of the packed SDK. */
  readonly tarball: string;
}

/** Throws where a step does not do what it should. */
export async function tryFramework(world: World, { framework, major, node, tarball }: Plan): Promise<Row> {
  const id = `${framework.toLowerCase()}-${major}`;
  const target = `account/${id}`;
  const folder = join(world.folder, id);
  await mkdir(folder);
  const env = { ...process.env, ...world.env.producers, PATH: [dirname(node), process.env.PATH].join(delimiter) };
  const { text } = readmeSnippet(framework, 'js');
  const packages = packagesOf(text);
  const watch = stopwatch();

  await runIn(folder, env, 'npm', 'init', '-y');
  watch.ends('init');
  await runIn(folder, env, 'npm', 'install', '--no-audit', '--no-fund', tarball, ...packages);
  watch.ends('install');
  await writeFile(join(folder, 'service.mjs'), text);
  const service = await startService({ node, folder, file: 'service.mjs', env });
  watch.ends('start');
  const progress = followTarget(world, target);
  const answer = await fetch(`${service.url}/accounts/${id}/close`, { method: 'POST' });
  if (!answer.ok) throw new Error(`the service answers ${answer.status}, expected 200`);
  await progress.acknowledged;
  watch.ends('acknowledged');
  await progress.sealed;
  watch.ends('sealed');
  await untilProven(world, target);
  watch.ends('archived');
  await checkAsAuditor(world, target);
  watch.ends('verified');
  await service.end();
  const versions = await Promise.all(packages.map(name => versionOf(folder, name)));
  return { what: `${versions.join(', ')} on Node ${major}`, times: watch.times() };
}

/** `verify` says intact, and `read` shows the event as proven. */
async function checkAsAuditor(world: World, target: string): Promise<void> {
  const verdict = await tidemark(world, ['verify', locationOf(world), ...trustOf(world)]);
  if (verdict.code !== 0) throw new Error(`verify ends with ${verdict.code}:\n${verdict.text}${verdict.said}`);
  const asked = ['--target', target, '--format', 'jsonl'];
  const { text, said } = await tidemark(world, ['read', locationOf(world), ...trustOf(world), ...asked]);
  const found = text.split('\n').filter(line => line !== '');
  const [event] = found.map(line => JSON.parse(line));
  if (found.length === 1 && event.proof.status === 'proven' && event.event.action === 'account.close') return;
  throw new Error(
    `read --target ${target}: found ${found.length} events, expected one, proven, of account.close:\n${text}${said}`,
  );
}

/** What a snippet imports that is no part of the SDK, for npm. */
const packagesOf = (snippet: string): string[] =>
  [...snippet.matchAll(/ from '([^']+)';$/gm)]
    .map(([, name = '']) => name)
    .filter(name => !name.startsWith('@tidemark/'));

async function versionOf(folder: string, name: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8'));
  return `${name} ${version}`;
}

function stopwatch() {
  const times: Partial<Record<Step, number>> = {};
  let began = performance.now();
  return {
    ends(step: Step): void {
      const now = performance.now();
      times[step] = now - began;
      began = now;
    },
    times: () => times as Times,
  };
}
