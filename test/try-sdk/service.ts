// A service as a reader of README starts it: the file that was copied, by a Node, from the folder of its project.

import { join } from 'node:path';
import { spawnGuarded } from '../../infra/local/child.ts';
import { waitUntilHealthy } from '../../infra/local/health.ts';
import { onFreePorts } from '../../infra/local/ports.ts';

export interface Service {
  readonly url: string;
  /** SIGTERM, and waits for its end; throws where that is not a clean one. */
  end(): Promise<void>;
}

export interface ServicePlan {
  /** Path of a `node`. */
  readonly node: string;
  readonly folder: string;
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Starts it on a free port and waits until it answers, whatever it answers. */
export function startService({ node, folder, file, env }: ServicePlan): Promise<Service> {
  const logFile = join(folder, `${file}.log`);
  return onFreePorts(1, async ([port = 0]) => {
    const url = `http://127.0.0.1:${port}`;
    const child = await spawnGuarded(node, [file], { logFile, cwd: folder, env: { ...env, PORT: `${port}` } });
    await waitUntilHealthy(file, child, logFile, async () => {
      await (await fetch(url, { signal: AbortSignal.timeout(2000) })).arrayBuffer();
    });
    const end = async () => {
      await child.end('SIGTERM', 30_000);
      const { code, signal } = await child.exited;
      if (code !== 0) throw new Error(`${file} ended with ${signal ?? code}, expected a clean end; see ${logFile}`);
    };
    return { url, end };
  });
}
