// A server whose locks keep nothing: it answers that it did what it was asked, and does not heed a lock, or the request.

import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stackVariable } from '../stack.ts';

/** The server behind one that answers `fine` to what the test names, and does nothing. */
export async function carelessEndpoint(
  isSwallowed: (method: string, url: string) => boolean,
): Promise<{ readonly url: string; close(): void }> {
  const target = new URL(stackVariable('S3_ENDPOINT'));
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    if (isSwallowed(method, url)) {
      incoming.resume().on('end', () => outgoing.writeHead(method === 'DELETE' ? 204 : 200).end());
      return;
    }
    const forwarded = request({ host: target.hostname, port: target.port, method, path: url, headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, close: () => server.close() };
}
