// Writes sealed runs into an events topic as a normalizer does, so that the archiver is tested by itself; and reads back what it made.

import { randomUUID } from 'node:crypto';
import type { Kafka, Producer } from 'kafkajs';
import { nodeCrypto } from '../../core/edge/crypto.ts';
import { hex, utf8 } from '../../core/proof/bytes.ts';
import { type ChainEnd, chainAfter, chainStart, previousOf } from '../../core/proof/chain.ts';
import { leafHash, treeRoot } from '../../core/proof/merkle.ts';
import { signNote } from '../../core/proof/note.ts';
import { formatSeal, SEAL_HEADER, type Seal, sealHash } from '../../core/proof/seal.ts';
import { testEvents, testSchemaText } from '../archive-events.ts';
import { testKeys, testOrigin } from '../test-keys.ts';

const { sha256 } = nodeCrypto;

export interface MadeRun {
  readonly seal: Seal;
  readonly hash: Uint8Array;
  readonly note: Uint8Array;
  readonly datums: readonly Uint8Array[];
}

/** The next run of a chain: `count` events right behind `end`. */
export function makeRun(end: ChainEnd, how: Partial<Seal> & { events: number; sealedAt: number }): MadeRun {
  const place = {
    topic: how.topic ?? 'audit.raw',
    generation: how.generation ?? end.generation,
    partition: how.partition ?? 0,
    first: how.first ?? end.next,
    sealedAt: how.sealedAt,
  };
  const datums = testEvents({ events: how.events }, place, new Map(), testSchemaText);
  const { lost = 0, skipped = 0 } = how;
  const seal: Seal = {
    ...place,
    origin: testOrigin,
    partitions: how.partitions ?? 1,
    next: place.first + BigInt(how.events + skipped + lost),
    events: how.events,
    skipped,
    lost,
    schema: hex(sha256(utf8(testSchemaText))),
    root: treeRoot(
      sha256,
      datums.map(datum => leafHash(sha256, datum)),
    ),
    previous: how.previous ?? previousOf(sha256, end),
  };
  const text = formatSeal(seal);
  return { seal, hash: sealHash(sha256, text), note: signNote(text, testKeys.seal), datums };
}

/** One partition's writer: each `write` is a transaction, sealed and chained. */
export class SealedWriter {
  readonly #producer: Producer;
  readonly #place: { topic: string; events: string; partition: number; partitions: number; schemaId: number };
  end: ChainEnd = chainStart;
  events = 0;

  constructor(
    kafka: Kafka,
    place: { topic: string; events: string; partition: number; partitions: number; schemaId: number },
  ) {
    this.#place = place;
    this.#producer = kafka.producer({
      transactionalId: randomUUID(),
      idempotent: true,
      maxInFlightRequests: 1,
      retry: { initialRetryTime: 10, retries: 50, maxRetryTime: 200 },
    });
  }

  async open(): Promise<this> {
    await this.#producer.connect();
    return this;
  }

  close(): Promise<void> {
    return this.#producer.disconnect();
  }

  async write(events: number, sealedAt = Date.now()): Promise<MadeRun> {
    const { topic, partition, partitions } = this.#place;
    const run = makeRun(this.end, { events, sealedAt, topic, partition, partitions });
    await this.send(run);
    this.end = chainAfter(run.seal, run.hash);
    this.events += events;
    return run;
  }

  /** Sends a run as it is, whether it joins or not. */
  async send(run: MadeRun, abort = false): Promise<void> {
    const { events: topic, partition, schemaId } = this.#place;
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(schemaId, 1);
    const messages = run.datums.map((datum, index) => ({
      value: Buffer.concat([prefix, datum]),
      partition,
      ...(index === run.datums.length - 1 && { headers: { [SEAL_HEADER]: Buffer.from(run.note) } }),
    }));
    const transaction = await this.#producer.transaction();
    await transaction.send({ topic, messages });
    if (abort) await transaction.abort();
    else await transaction.commit();
  }
}
