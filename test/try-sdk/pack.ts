// The SDK as a file that npm installs, made in a folder of its own: tests that build it at the same time share nothing.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const execute = promisify(execFile);

/** Builds and packs it within the folder; answers the path of the file. */
export async function packSdk(folder: string): Promise<string> {
  const dist = join(folder, 'sdk');
  await execute('npm', ['run', '-s', 'build:sdk', '--', dist], { cwd: root });
  const packed = await execute('npm', ['pack', '--json', '--pack-destination', folder], { cwd: dist });
  const [{ filename }]: [{ filename: string }] = JSON.parse(packed.stdout);
  return join(folder, filename);
}
