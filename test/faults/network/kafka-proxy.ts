// A proxy before one broker that knows requests from answers, so that it can let a request through and cut the connection instead of
// giving its answer: the broker has done it, and nobody hears so. Clients must be told its port by the broker (`via` of infra/local/kafka.ts).

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Api, correlationOf, FrameReader, type RequestHead, requestOf } from './kafka-frames.ts';

export type KafkaDeed =
  | 'pass'
  /** The connection is cut instead of the request. */
  | 'cut'
  /** The request is passed on, and the connection cut instead of its answer. */
  | 'lose';

export type KafkaRule = (asked: RequestHead) => KafkaDeed;

const pass: KafkaRule = () => 'pass';

export class KafkaProxy {
  rule: KafkaRule = pass;
  /** How many requests of an API have come. */
  readonly counts = new Map<Api, number>();
  /** The port that it passes on to; set once that is known. */
  target = 0;
  readonly #server = createServer(socket => this.#serve(socket));
  readonly #sockets = new Set<Socket>();

  async open(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Does this to the next request of an API; resolves when it is done. */
  once(api: Api, deed: Exclude<KafkaDeed, 'pass'>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.rule = asked => {
      if (asked.api !== api) return 'pass';
      this.rule = pass;
      resolve();
      return deed;
    };
    return promise;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #serve(client: Socket): void {
    const broker = connect({ port: this.target, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    const end = (): void => {
      client.destroy();
      broker.destroy();
    };
    const lost = new Set<number>();
    const requests = new FrameReader(
      'request',
      head => this.#onRequest(requestOf(head), lost, end),
      bytes => write(broker, bytes, client),
    );
    const answers = new FrameReader(
      'answer',
      head => {
        if (!lost.has(correlationOf(head))) return true;
        end();
        return false;
      },
      bytes => write(client, bytes, broker),
    );
    client.on('data', chunk => requests.push(chunk));
    broker.on('data', chunk => answers.push(chunk));
    for (const socket of [client, broker]) {
      this.#sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
  }

  #onRequest(asked: RequestHead, lost: Set<number>, end: () => void): boolean {
    if (asked.api) this.counts.set(asked.api, (this.counts.get(asked.api) ?? 0) + 1);
    switch (this.rule(asked)) {
      case 'pass':
        return true;
      case 'lose':
        lost.add(asked.correlation);
        return true;
      case 'cut':
        end();
        return false;
    }
  }
}

/** What is read no faster than it is taken. */
function write(to: Socket, bytes: Buffer, from: Socket): void {
  if (to.destroyed || to.write(bytes)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
