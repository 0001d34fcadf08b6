// Apicurio Registry, schemas in memory, asked through its Confluent API.

import { join } from 'node:path';
import { spawnGuarded } from './child.ts';
import { StackError } from './errors.ts';
import { fetchOnce, type Progress } from './fetch/once.ts';
import { registryJar, registryPackage } from './fetch/packages.ts';
import { javaCommand } from './fetch/tools.ts';
import { createRunFolder, removeRunFolder } from './folders.ts';
import { waitUntilHealthy } from './health.ts';
import { onFreePorts } from './ports.ts';

export type RegistryServer = {
  /** As in `SCHEMA_REGISTRY_URL`. */
  readonly url: string;
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<unknown>;
  stop(): Promise<void>;
};

export async function startRegistry(options: { progress?: Progress | undefined } = {}): Promise<RegistryServer> {
  const jar = join(await fetchOnce(registryPackage, options.progress ?? (() => {})), registryJar);
  return onFreePorts(1, async ([port = 0]) => {
    const folder = await createRunFolder('registry');
    const logFile = join(folder, 'registry.log');
    const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
    const settings = ['-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${port}`, `-Djava.io.tmpdir=${folder}`];
    const memory = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
    try {
      const child = await spawnGuarded(javaCommand(), [...memory, ...settings, '-jar', jar], { logFile, cwd: folder });
      await waitUntilHealthy('Apicurio Registry', child, logFile, () => checkSubjects(url));
      const stop = async () => {
        await child.end('SIGKILL');
        removeRunFolder(folder);
      };
      return { url, pid: child.pid, logFile, exited: child.exited, stop };
    } catch (error) {
      removeRunFolder(folder);
      throw error;
    }
  });
}

async function checkSubjects(url: string): Promise<void> {
  const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(5000) });
  const subjects: unknown = await response.json();
  if (!response.ok || !Array.isArray(subjects)) {
    throw new StackError('start-failed', `the registry answered ${response.status} at ${url}/subjects`);
  }
}
