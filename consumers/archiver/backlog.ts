// What waits for its segment in all partitions together is bounded, however many there are: where it is too much, the partition that has
// the most of it writes what it has, before its segment is full. Where a segment ends is the writer's choice.

interface Waiting {
  readonly bytes: number;
  settled(): Promise<void>;
  flush(wanted: () => boolean): Promise<void>;
}

export class Backlog {
  readonly #maxBytes: number;
  readonly #queues = new Set<Waiting>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(queue: Waiting): void {
    this.#queues.add(queue);
  }

  remove(queue: Waiting): void {
    this.#queues.delete(queue);
  }

  /** Resolves when there is room again, or nobody can make any. */
  async makeRoom(): Promise<void> {
    for (const queue of [...this.#queues].sort((a, b) => b.bytes - a.bytes)) {
      if (this.#bytes() <= this.#maxBytes) return;
      // What is being written may be all that is too much. What fails is told to the queue's own partition.
      await queue.settled().catch(() => {});
      if (this.#bytes() > this.#maxBytes) await queue.flush(() => true).catch(() => {});
    }
  }

  #bytes(): number {
    let bytes = 0;
    for (const queue of this.#queues) bytes += queue.bytes;
    return bytes;
  }
}
