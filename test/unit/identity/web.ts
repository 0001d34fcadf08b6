// A web server of a test's own on a port that is free, which can be down and come back at the same address.

import { createServer, type RequestListener, type Server } from 'node:http';
import { onTestFinished } from 'vitest';

export interface Web {
  readonly url: string;
  /** Requests so far, as `GET /path`. */
  readonly requests: string[];
  down(): Promise<void>;
  up(): Promise<void>;
}

/** Called within a test or a `beforeAll` that closes it by `down`. */
export async function startWeb(handler: RequestListener, { keep = false } = {}): Promise<Web> {
  const requests: string[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handler(request, response);
  };
  let server: Server | undefined;
  let port = 0;
  const up = async () => {
    const next = createServer(listener);
    await new Promise<void>((resolve, reject) => {
      next.once('error', reject);
      next.listen(port, '127.0.0.1', resolve);
    });
    const address = next.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
    server = next;
  };
  const down = async () => {
    const old = server;
    server = undefined;
    if (old === undefined) return;
    old.closeAllConnections();
    await new Promise(resolve => old.close(resolve));
  };
  await up();
  if (!keep) onTestFinished(down);
  return { url: `http://127.0.0.1:${port}`, requests, down, up };
}
