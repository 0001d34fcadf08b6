// `--keep DIR`: a copy of the archive for other tools, laid out as the golden one is in `test/golden`.

import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { getObject, listObjects } from './bucket.ts';
import { DemoError } from './error.ts';
import type { Published } from './github.ts';
import { locationOf, tidemark, trustOf } from './programs.ts';
import { check, heading, pair, plural } from './screen.ts';
import type { World } from './world.ts';

const PROVEN = ['deployment.create', 'permission.change', 'code.push'];

/** Throws DemoError `bad-argument` where the folder holds anything: nothing is ever overwritten. */
export async function checkEmpty(folder: string): Promise<void> {
  const found = await readdir(folder).catch(error => {
    if (error.code === 'ENOENT') return [];
    throw new DemoError('bad-argument', `${folder} can't be used: ${error.message}`);
  });
  if (found.length === 0) return;
  throw new DemoError('bad-argument', `${folder} is not empty: give --keep a new folder, nothing is overwritten`);
}

export async function keepCopy(world: World, folder: string, published: readonly Published[]): Promise<void> {
  heading('A copy', 'As the archive is before it is attacked, to be tried with other tools.');
  await checkEmpty(folder);
  const objects = await listObjects(world);
  for (const { key } of objects) {
    const object = await getObject(world, key);
    const path = join(folder, 'objects', world.prefix, key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, object?.bytes ?? '', { flag: 'wx' });
  }
  await copyFile(world.files.policy, join(folder, 'policy'));
  await copyFile(world.files.normalizerKeys, join(folder, 'normalizer.vkey'));
  const receipts = await keepReceipts(world, folder, published);
  await writeFile(join(folder, 'README.md'), readme(world, new Date()));
  pair('objects/', plural(objects.length, 'object'));
  pair('receipts/', `${receipts.join(', ')}`);
  pair('', 'policy, normalizer.vkey, README.md');
  check(true, `copied to ${folder}`, '');
}

async function keepReceipts(world: World, folder: string, published: readonly Published[]): Promise<string[]> {
  await mkdir(join(folder, 'receipts'));
  const names: string[] = [];
  for (const action of PROVEN) {
    const event = published.find(candidate => candidate.action === action);
    if (event === undefined) throw new DemoError('step-failed', `no event ${action} was published`);
    const name = `${action}.tlog-proof`;
    const out = ['--out', join(folder, 'receipts', name)];
    const result = await tidemark(world, ['prove', locationOf(world), '--event', event.id, ...trustOf(world), ...out]);
    if (result.code !== 0) throw new DemoError('step-failed', `prove: exit code ${result.code}: ${result.said}`);
    names.push(name);
  }
  return names;
}

const readme = (world: World, at: Date): string => `# An archive of Tidemark's demo

\`objects/\` holds the objects by key (prefix \`${world.prefix}\`), \`policy\` the C2SP policy with the archiver's key, \`normalizer.vkey\` the sealing key,
\`receipts/\` some receipts. Periods last ten seconds. Copied at ${at.toISOString().slice(0, 19)}Z: an hour later the log is stale, which is a finding,
unless \`--at\` tells that time. The objects have no locks here, and no versions.

    npx tidemark verify objects/${world.prefix} --policy policy --normalizer-keys normalizer.vkey --at ${at.toISOString().slice(0, 19)}Z
    npx tidemark check-receipt receipts/code.push.tlog-proof --policy policy --normalizer-keys normalizer.vkey
`;
