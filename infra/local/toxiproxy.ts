// A network that can be made bad (toxiproxy): proxies before servers, cut or slowed down while they are in use.

import { join } from 'node:path';
import { spawnGuarded } from './child.ts';
import { StackError } from './errors.ts';
import { fetchOnce, isFetched, type Progress } from './fetch/once.ts';
import { toxiproxyPackage } from './fetch/packages.ts';
import { requireTools } from './fetch/tools.ts';
import { createRunFolder, removeRunFolder } from './folders.ts';
import { waitUntilHealthy } from './health.ts';
import { onFreePorts } from './ports.ts';

/** What is done to what flows: `down` from the server, `up` to it. */
export type Toxic =
  /** Milliseconds later, give or take. */
  | { readonly type: 'latency'; readonly attributes: { readonly latency: number; readonly jitter?: number } }
  /** KiB a second. */
  | { readonly type: 'bandwidth'; readonly attributes: { readonly rate: number } }
  /** Nothing flows, and after so many milliseconds the connection is closed; 0: never. */
  | { readonly type: 'timeout'; readonly attributes: { readonly timeout: number } }
  /** Closed with a reset. */
  | { readonly type: 'reset_peer'; readonly attributes: { readonly timeout: number } }
  /** Closed behind so many bytes. */
  | { readonly type: 'limit_data'; readonly attributes: { readonly bytes: number } };

export type ToxicProxy = {
  readonly name: string;
  /** Where it listens. */
  readonly port: number;
  /** Adds a toxic; it stays until `heal`. */
  poison(side: 'down' | 'up', toxic: Toxic): Promise<void>;
  /** Cuts all connections, and takes none. */
  cut(): Promise<void>;
  /** As at first. */
  heal(): Promise<void>;
};

export type Toxiproxy = {
  readonly proxies: readonly ToxicProxy[];
  stop(): Promise<void>;
};

/** Starts the server with a proxy before each port of 127.0.0.1, in the order of `upstreams`. */
export async function startToxiproxy(upstreams: readonly number[], progress: Progress = () => {}): Promise<Toxiproxy> {
  if (!isFetched(toxiproxyPackage)) requireTools(['go']);
  const server = join(await fetchOnce(toxiproxyPackage, progress), 'bin', 'server');
  return onFreePorts(upstreams.length + 1, async ([api = 0, ...ports]) => {
    const folder = await createRunFolder('toxiproxy');
    const logFile = join(folder, 'toxiproxy.log');
    const url = `http://127.0.0.1:${api}`;
    try {
      const child = await spawnGuarded(server, ['-host', '127.0.0.1', '-port', `${api}`], { logFile, cwd: folder });
      await waitUntilHealthy('toxiproxy', child, logFile, () => call(url, 'GET', '/version'));
      const proxies = upstreams.map((upstream, index) => createProxy(url, `p${index}`, ports[index] ?? 0, upstream));
      const stop = async (): Promise<void> => {
        await child.end('SIGKILL');
        removeRunFolder(folder);
      };
      return { proxies: await Promise.all(proxies), stop };
    } catch (error) {
      removeRunFolder(folder);
      throw error;
    }
  });
}

async function createProxy(url: string, name: string, port: number, upstream: number): Promise<ToxicProxy> {
  const setting = { name, listen: `127.0.0.1:${port}`, upstream: `127.0.0.1:${upstream}`, enabled: true };
  await call(url, 'POST', '/proxies', setting);
  const toxics = new Set<string>();
  return {
    name,
    port,
    poison: async (side, toxic) => {
      const one = `${side}-${toxic.type}`;
      toxics.add(one);
      await call(url, 'POST', `/proxies/${name}/toxics`, { name: one, stream: `${side}stream`, toxicity: 1, ...toxic });
    },
    cut: () => call(url, 'POST', `/proxies/${name}`, { enabled: false }),
    heal: async () => {
      for (const one of toxics) await remove(url, `/proxies/${name}/toxics/${one}`);
      toxics.clear();
      await call(url, 'POST', `/proxies/${name}`, { enabled: true });
    },
  };
}

/** Of many slow connections it takes a toxic in more than the five seconds that it gives itself, and goes on after it has answered 503. */
async function remove(url: string, path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { ok, status } = await fetch(`${url}${path}`, { method: 'DELETE' });
    if (ok || (status === 404 && attempt > 1)) return;
    if (status !== 503 || attempt === 12) throw failed('DELETE', path, String(status));
  }
}

async function call(url: string, method: string, path: string, body?: object): Promise<void> {
  const answer = await fetch(`${url}${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
  const said = await answer.text();
  if (!answer.ok) throw failed(method, path, `${answer.status} ${said}`);
}

const failed = (method: string, path: string, why: string): StackError =>
  new StackError('start-failed', `toxiproxy: ${method} ${path}: ${why}`);
