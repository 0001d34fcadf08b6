/**
 * The sockets of one producer: they keep the process alive only while something waits to be sent, and can all be
 * destroyed at once, which is the only way to end a kafkajs request that is never answered.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const KEEP_ALIVE_MS = 60_000;

export class Sockets {
  readonly #open = new Set<net.Socket>();
  #held = false;

  /** What kafkajs asks for a connection. */
  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    const secure = net.isIP(host) === 0 ? { host, port, servername: host, ...ssl } : { host, port, ...ssl };
    const socket = ssl ? tls.connect(secure, onConnect) : net.connect({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    if (!this.#held) socket.unref();
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  hold(held: boolean): void {
    this.#held = held;
    for (const socket of this.#open) {
      if (held) socket.ref();
      else socket.unref();
    }
  }

  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
