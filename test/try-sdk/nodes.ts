// The Nodes that services run on. 24 is the project's own; others come by npm's package `node`, whose install script brings the binary.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runIn } from './command.ts';

export const majors = ['22', '24'] as const;
export type Major = (typeof majors)[number];

/** The newest release of a major: where its binary is, and its version. Another than ours is installed into the folder. */
export async function findNode(major: Major, folder: string): Promise<{ path: string; version: string }> {
  if (process.versions.node.startsWith(`${major}.`)) return { path: process.execPath, version: process.version };
  const place = join(folder, `node-${major}`);
  await mkdir(place);
  await runIn(
    place,
    process.env,
    'npm',
    'install',
    '--no-audit',
    '--no-fund',
    '--no-save',
    '--prefix',
    place,
    `node@${major}`,
  );
  const path = join(place, 'node_modules/node/bin/node');
  const version = (await runIn(place, process.env, path, '--version')).trim();
  if (!version.startsWith(`v${major}.`))
    throw new Error(`node@${major} is ${version}: expected its install script to run`);
  return { path, version };
}
