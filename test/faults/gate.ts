// A door in front of a server: shut it and the server is gone for who comes by this way, though it keeps what it knows (the registry of
// tests has its schemas in memory alone).

import { connect as connectTo, createServer, type Socket } from 'node:net';

export interface Gate {
  readonly port: number;
  open(): void;
  /** `refuse`: connections are cut, new ones too; `hang`: they are taken, and nobody answers. */
  shut(how: 'refuse' | 'hang'): void;
  close(): Promise<void>;
}

export async function openGate(target: { readonly host: string; readonly port: number }): Promise<Gate> {
  let state: 'open' | 'refuse' | 'hang' = 'open';
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer(client => {
    keep(client);
    if (state === 'refuse') client.destroy();
    if (state !== 'open') return;
    const upstream = connectTo(target);
    keep(upstream);
    client.pipe(upstream).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    open: () => {
      if (state === 'hang') cut();
      state = 'open';
    },
    shut: how => {
      state = how;
      cut();
    },
    close: async () => {
      cut();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
