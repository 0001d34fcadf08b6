// A proxy between a program and its S3 server that does to each request what a rule says: passes it on, answers it with an error, cuts
// the connection before it was passed on, or behind that (the server has done it, and nobody hears so). The Host header goes on as it
// came, so that signatures hold. Whole requests and answers are held in memory: it is for tests.

import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Asked, type FaultPoint, pointOf } from './fault-points.ts';

export interface S3Request extends Asked {
  /** Which write of archiver or sealer it is; null: a read. */
  readonly point: FaultPoint | null;
  /** A write that is to be done only if the key is as its writer thinks. */
  readonly isConditional: boolean;
}

export type S3Deed =
  /** `afterwards` is done when the answer, of this status, has been given. */
  | { readonly kind: 'forward'; readonly afterwards?: (status: number) => unknown }
  /** Passed on, but its answer is not given: the connection is cut; `afterwards` is done before that. */
  | { readonly kind: 'lose'; readonly afterwards?: () => unknown }
  /** Not passed on. */
  | { readonly kind: 'cut' }
  /** Answered with an S3 error of this code, under a status that may be 200; passed on only if `isDone`: then the error is not true. */
  | { readonly kind: 'answer'; readonly status: number; readonly code: string; readonly isDone?: boolean };

/** May take its time: then the request waits. */
export type S3Rule = (asked: S3Request) => S3Deed | Promise<S3Deed>;

export const forward: S3Deed = { kind: 'forward' };

export interface S3ProxyOptions {
  /** The server's own address, as in `S3_ENDPOINT`. */
  readonly upstream: string;
  readonly bucket: string;
  /** Of the archive, without a slash at its end. */
  readonly prefix: string;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export class S3Proxy {
  rule: S3Rule = () => forward;
  /** Writes that have no name, and rules that threw: a test that meets one is wrong. */
  readonly problems: string[] = [];
  /** How many requests came of each write; reads are under `read`. */
  readonly counts = new Map<string, number>();
  readonly #options: S3ProxyOptions;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server = createServer((incoming, response) => void this.#serve(incoming, response));
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor(options: S3ProxyOptions) {
    this.#options = options;
    this.#server.on('connection', socket => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {}); // its program was killed
    });
  }

  async open(): Promise<this> {
    await this.up();
    return this;
  }

  /** As in `S3_ENDPOINT`. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Nothing listens any more, and all connections are cut. */
  async down(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Listens, where it did before. */
  async up(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await this.down();
    this.#agent.destroy();
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await readAll(incoming);
      const asked = this.#asked(incoming);
      this.counts.set(asked.point ?? 'read', (this.counts.get(asked.point ?? 'read') ?? 0) + 1);
      const deed = await this.rule(asked);
      await this.#carryOut(deed, incoming, body, response);
    } catch (error) {
      // A server that is gone cuts its connections, and so do we.
      if (!isConnectionError(error)) this.problems.push(String(error));
      incoming.socket.destroy();
    }
  }

  async #carryOut(deed: S3Deed, incoming: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    switch (deed.kind) {
      case 'cut':
        incoming.socket.destroy();
        return;
      case 'answer':
        if (deed.isDone) await this.#forward(incoming, body);
        await give(response, errorAnswer(deed.status, deed.code));
        return;
      case 'lose':
        await this.#forward(incoming, body);
        await deed.afterwards?.();
        incoming.socket.destroy();
        return;
      case 'forward': {
        const answer = await this.#forward(incoming, body);
        await give(response, answer);
        await deed.afterwards?.(answer.status);
      }
    }
  }

  #asked({ method = 'GET', url = '/', headers }: IncomingMessage): S3Request {
    const { pathname, searchParams: query } = new URL(url, 'http://s3');
    const { bucket, prefix } = this.#options;
    const root = prefix === '' ? `/${bucket}/` : `/${bucket}/${prefix}/`;
    const path = decodeURIComponent(pathname);
    const key = path.startsWith(root) ? path.slice(root.length) : null;
    const isReplacing = headers['if-match'] !== undefined;
    const isConditional = isReplacing || headers['if-none-match'] !== undefined;
    const asked = { method, key, query, isReplacing };
    return { ...asked, point: pointOf(asked), isConditional };
  }

  #forward({ method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
    const { hostname, port } = new URL(this.#options.upstream);
    const { expect: _, ...passed } = headers; // answered by us already
    return new Promise((resolve, reject) => {
      const target = { hostname, port, method, path: url, headers: passed, agent: this.#agent };
      const outgoing = request(target, answer => {
        readAll(answer).then(
          read => resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: read }),
          reject,
        );
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function give(response: ServerResponse, { status, headers, body }: Answer): Promise<void> {
  const { 'transfer-encoding': _, connection: __, ...passed } = headers;
  response.writeHead(status, passed);
  response.end(body);
  if (!response.writableFinished) await Promise.race([once(response, 'finish'), once(response, 'close')]);
}

function errorAnswer(status: number, code: string): Answer {
  const body = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}, by the proxy</Message></Error>`,
  );
  const headers = {
    'content-type': 'application/xml',
    'content-length': `${body.length}`,
    date: new Date().toUTCString(),
  };
  return { status, headers, body };
}

function isConnectionError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(E[A-Z]+|ERR_STREAM_PREMATURE_CLOSE)$/.test(String(error.code));
}
