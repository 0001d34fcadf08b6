// A server that answers as AWS KMS does (PyPI's moto), one process; its keys live in its memory and go with it.

import { join } from 'node:path';
import { spawnGuarded } from './child.ts';
import { fetchOnce, type Progress } from './fetch/once.ts';
import { kmsPackage } from './fetch/packages.ts';
import { createRunFolder, removeRunFolder } from './folders.ts';
import { waitUntilHealthy } from './health.ts';
import { onFreePorts } from './ports.ts';

export type KmsServer = {
  /** As in `AWS_ENDPOINT_URL_KMS`. */
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
};

export async function startKms(options: { progress?: Progress | undefined } = {}): Promise<KmsServer> {
  const packages = await fetchOnce(kmsPackage, options.progress ?? (() => {}));
  return onFreePorts(1, async ([port]) => {
    const folder = await createRunFolder('kms');
    const logFile = join(folder, 'kms.log');
    const url = `http://127.0.0.1:${port}`;
    try {
      const env = { ...process.env, PYTHONPATH: packages, PYTHONNOUSERSITE: '1', PYTHONDONTWRITEBYTECODE: '1' };
      const run = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)];
      const child = await spawnGuarded('python3', run, { logFile, cwd: folder, env });
      await waitUntilHealthy('moto', child, logFile, () => fetch(`${url}/moto-api/data.json`));
      const stop = async () => {
        await child.end('SIGKILL');
        removeRunFolder(folder);
      };
      return { url, pid: child.pid, stop };
    } catch (error) {
      removeRunFolder(folder);
      throw error;
    }
  });
}
