// Mends of kafkajs 2.2.4, put onto its prototypes when the program starts, whatever was loaded before, and then tried:
// a program whose kafkajs is not mended does not start.
//
// 1. Its filter of aborted records takes any record whose key is the bytes 00 00 00 00 for an abort marker, also a data record,
//    and delivers the aborted ones behind it; and where two aborted transactions were open at the position that a fetch begins
//    at, it delivers the first record of the second. Both would make evidence of what was never committed.
// 2. Its request queue wakes every millisecond, on each connection, with nothing to do (tulios/kafkajs#1751).
// 3. It makes an object of a record's headers: order and doubles are lost, and a header called `toString` is garbage. A refused
//    record is kept as it came, so we keep the list beside it.
// 4. It makes objects and copies of each message that is sent: sets of records are sent as they are (produce-patch.ts).

import { KafkaError } from './error.ts';
import { type Broker, type Decoder, type FetchAnswer, loadInternals, type RawMessage } from './internals.ts';
import { checkProduce, patchProduce } from './produce-patch.ts';
import type { HeaderList } from './record.ts';

const patched = Symbol('tidemark.patched');
const listed = Symbol('tidemark.headers');

/** Patches kafkajs, once, and tries the patches; throws `not-patched`. */
export function patchKafka(): void {
  const { Broker, RequestQueue, Decoder } = loadInternals();
  if (!Object.hasOwn(Broker.prototype, patched)) {
    patchFetch(Broker.prototype);
    const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
    RequestQueue.prototype.scheduleCheckPendingRequests = function () {
      if (this.pending.length > 0) schedule.call(this);
    };
    patchHeaders(Decoder.prototype);
    patchProduce(Broker.prototype);
    Object.defineProperty(Broker.prototype, patched, { value: true });
  }
  checkPatches();
}

function patchFetch(prototype: Broker): void {
  const { fetch } = prototype;
  prototype.fetch = async function (request) {
    const answer = await fetch.call(this, request);
    hideAborted(answer);
    return answer;
  };
}

/**
 * Marks what was aborted as kafkajs marks control records, which it never delivers, and leaves its own filter nothing to do.
 * As Java's client does it: a transaction is aborted from its first offset to the next control record of its producer.
 */
export function hideAborted(answer: FetchAnswer): void {
  for (const { partitions } of answer.responses) {
    for (const partition of partitions) {
      if (!partition.abortedTransactions?.length) continue;
      const waiting = partition.abortedTransactions
        .map(({ producerId, firstOffset }) => ({ producerId, first: BigInt(firstOffset) }))
        .sort((a, b) => (a.first < b.first ? -1 : 1));
      partition.abortedTransactions = [];
      const aborted = new Set<string>();
      for (const message of partition.messages) {
        const { producerId, inTransaction } = message.batchContext;
        const offset = BigInt(message.offset);
        for (let next = waiting[0]; next && next.first <= offset; next = waiting[0]) {
          aborted.add(next.producerId);
          waiting.shift();
        }
        if (message.isControlRecord) aborted.delete(producerId);
        else if (inTransaction && aborted.has(producerId)) message.isControlRecord = true;
      }
    }
  }
}

type Build = (object: object, header: { key: string; value: Buffer | null }) => object;

/** A list of headers of which kafkajs builds its object, by `reduce`; the object then knows the list. */
class Headers extends Array {
  override reduce(build: unknown, start?: unknown): never {
    let object = start as object;
    for (const header of this) object = (build as Build)(object, header);
    const list: HeaderList = Array.from(this, ({ key, value }) => [key, value]);
    Object.defineProperty(object, listed, { value: list });
    return object as never;
  }
}

function patchHeaders(prototype: Decoder): void {
  const { readVarIntArray } = prototype;
  // kafkajs reads nothing but headers with it.
  prototype.readVarIntArray = function (reader) {
    const headers = readVarIntArray.call(this, reader);
    return headers.length === 0 ? headers : Object.setPrototypeOf(headers, Headers.prototype);
  };
}

/** A message's headers as they came: in order, doubles kept. */
export function headersOf(message: { headers?: object | undefined }): HeaderList {
  const list: unknown = message.headers && Reflect.get(message.headers, listed);
  return Array.isArray(list) ? list : [];
}

function checkPatches(): void {
  const { Broker, RequestQueue, Decoder } = loadInternals();
  checkProduce(Broker.prototype);
  let woken = false;
  const queue = {
    pending: [],
    get throttledUntil() {
      woken = true;
      return 0;
    },
    throttleCheckTimeoutId: 1, // so that an unpatched one sets no timer
  };
  RequestQueue.prototype.scheduleCheckPendingRequests.call(queue as never);
  if (woken) throw new KafkaError('not-patched', "kafkajs' request queue still wakes with nothing to do");

  const MakeDecoder = Decoder as unknown as new (bytes: Buffer) => Decoder;
  const headers = new MakeDecoder(Buffer.from([2])).readVarIntArray(() => ({ key: 'toString', value: null }));
  const object = headers.reduce((all, header) => ({ ...(all as object), header }), {});
  if (headersOf({ headers: object as object })[0]?.[0] !== 'toString')
    throw new KafkaError('not-patched', "kafkajs still loses the order of a record's headers");

  const at = (offset: number, key: number[] | null, isControlRecord: boolean): RawMessage => ({
    offset: `${offset}`,
    timestamp: '0',
    key: key && Buffer.from(key),
    value: null,
    headers: {},
    isControlRecord,
    batchContext: { producerId: '1', inTransaction: true, timestampType: 0 },
  });
  const messages = [at(0, [0, 0, 0, 0], false), at(1, null, false), at(2, [0, 0, 0, 0], true), at(3, null, false)];
  const partition = { partition: 0, highWatermark: '4', lastStableOffset: '4', lastStartOffset: '0' };
  const abortedTransactions = [{ producerId: '1', firstOffset: '0' }];
  hideAborted({ responses: [{ topicName: '', partitions: [{ ...partition, abortedTransactions, messages }] }] });
  if (messages.map(message => message.isControlRecord).join() !== 'true,true,true,false')
    throw new KafkaError('not-patched', 'aborted records would be delivered');
}
