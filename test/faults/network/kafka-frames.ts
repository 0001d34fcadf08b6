// Kafka's protocol as far as a proxy has to know it: each request and each answer is a length of four bytes and so many bytes, which begin,
// in a request, with the API's number, its version and a correlation id, and, in an answer, with the id of its request.

export const apis = {
  produce: 0,
  fetch: 1,
  metadata: 3,
  'offset-commit': 8,
  'join-group': 11,
  heartbeat: 12,
  'init-producer-id': 22,
  'add-partitions-to-txn': 24,
  'end-txn': 26,
} as const;

export type Api = keyof typeof apis;

const names = new Map<number, Api>((Object.keys(apis) as Api[]).map(name => [apis[name], name]));

const requestHead = 12;
const answerHead = 8;

export interface RequestHead {
  /** Null: one that nobody asks after. */
  readonly api: Api | null;
  readonly correlation: number;
}

/**
 * Cuts what comes into frames without holding them: `onHead` is given each frame's first bytes and says whether the frame goes on; what
 * does, goes to `pass` as it comes.
 */
export class FrameReader {
  readonly #headBytes: number;
  readonly #onHead: (head: Buffer) => boolean;
  readonly #pass: (bytes: Buffer) => void;
  #head: Buffer = Buffer.alloc(0);
  #left = 0;
  #goesOn = false;

  constructor(side: 'request' | 'answer', onHead: (head: Buffer) => boolean, pass: (bytes: Buffer) => void) {
    this.#headBytes = side === 'request' ? requestHead : answerHead;
    this.#onHead = onHead;
    this.#pass = pass;
  }

  push(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0; ) {
      if (this.#left === 0) {
        const wanted = this.#headBytes - this.#head.length;
        this.#head = Buffer.concat([this.#head, rest.subarray(0, wanted)]);
        rest = rest.subarray(wanted);
        if (this.#head.length < this.#headBytes) return;
        this.#begin();
        continue;
      }
      const part = rest.subarray(0, this.#left);
      rest = rest.subarray(part.length);
      this.#left -= part.length;
      if (this.#goesOn) this.#pass(part);
    }
  }

  #begin(): void {
    const head = this.#head;
    this.#head = Buffer.alloc(0);
    this.#left = head.readInt32BE(0) + 4 - head.length;
    this.#goesOn = this.#onHead(head);
    if (this.#goesOn) this.#pass(head);
  }
}

export function requestOf(head: Buffer): RequestHead {
  return { api: names.get(head.readInt16BE(4)) ?? null, correlation: head.readInt32BE(8) };
}

export function correlationOf(head: Buffer): number {
  return head.readInt32BE(4);
}
