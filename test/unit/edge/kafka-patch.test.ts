// kafkajs as it is, and mended: each bug is shown first, so that a release that mends one is noticed here.

import { createRequire } from 'node:module';
import { beforeAll, describe, expect, test } from 'vitest';
import type { FetchAnswer, RawMessage } from '../../../core/edge/kafka/internals.ts';
import { headersOf, hideAborted, patchKafka } from '../../../core/edge/kafka/patch.ts';

const require = createRequire(import.meta.url);
const filterAborted = require('kafkajs/src/consumer/filterAbortedMessages') as (partition: {
  messages: RawMessage[];
  abortedTransactions: { producerId: string; firstOffset: string }[];
}) => RawMessage[];
const RequestQueue = require('kafkajs/src/network/requestQueue') as new (
  options: object,
) => {
  scheduleCheckPendingRequests(): void;
  destroy(): void;
  throttleCheckTimeoutId: unknown;
};
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object;
const decodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0/decoder') as (
  decoder: object,
  context: object,
) => {
  headers: Record<string, unknown>;
};

const marker = Buffer.from([0, 0, 0, 0]);

function message(offset: number, producerId: string, more: Partial<RawMessage> = {}): RawMessage {
  const batchContext = { producerId, inTransaction: true, timestampType: 0 };
  return {
    offset: `${offset}`,
    timestamp: '0',
    key: null,
    value: null,
    headers: {},
    isControlRecord: false,
    batchContext,
    ...more,
  };
}

/** What a consumer is given by kafkajs' own filter, and what by ours, as offsets. */
function delivered(messages: RawMessage[], abortedTransactions: { producerId: string; firstOffset: string }[]) {
  const copy = () => messages.map(one => ({ ...one }));
  const committed = (list: RawMessage[]) =>
    list.filter(one => !one.isControlRecord).map(({ offset }) => Number(offset));
  const theirs = committed(filterAborted({ messages: copy(), abortedTransactions }));
  const rest = { partition: 0, highWatermark: '9', lastStableOffset: '9', lastStartOffset: '0' };
  const answer: FetchAnswer = {
    responses: [
      { topicName: 't', partitions: [{ ...rest, messages: copy(), abortedTransactions: [...abortedTransactions] }] },
    ],
  };
  hideAborted(answer);
  const partition = answer.responses[0]?.partitions[0];
  const left = filterAborted({
    messages: partition?.messages ?? [],
    abortedTransactions: partition?.abortedTransactions ?? [],
  });
  return { theirs, ours: committed(left) };
}

/** A queue without requests, and whether it has set a timer. */
function wakesIdle(): boolean {
  const logger = { debug: () => {}, warn: () => {} };
  const queue = new RequestQueue({ maxInFlightRequests: null, requestTimeout: 1, clientId: '', broker: '', logger });
  queue.scheduleCheckPendingRequests();
  const wakes = queue.throttleCheckTimeoutId !== null;
  queue.destroy();
  return wakes;
}

/** A record with the headers `b`, `1`, `toString`, `b`. */
function decodeHeaders() {
  const header = (name: string) => [name.length * 2, ...Buffer.from(name), 2, 120];
  const headers = ['b', '1', 'toString', 'b'].flatMap(header);
  return decodeRecord(new Decoder(Buffer.from([0, 0, 0, 1, 1, 8, ...headers])), {
    firstOffset: '0',
    firstTimestamp: '0',
  });
}

describe('kafkajs', () => {
  test('before: its request queue wakes with nothing to do, and headers lose order and doubles', () => {
    expect(wakesIdle()).toBe(true);
    const { headers } = decodeHeaders();
    expect(Object.keys(headers)[0]).toBe('1');
    expect((headers.toString as unknown as unknown[])[0]).toBeTypeOf('function');
  });

  test('an aborted record with the key 00 00 00 00 ends its filter, not ours', () => {
    const messages = [
      message(0, '1', { key: marker }),
      message(1, '1'),
      message(2, '1', { key: marker, isControlRecord: true }),
      message(3, '1'),
    ];
    expect(delivered(messages, [{ producerId: '1', firstOffset: '0' }])).toEqual({ theirs: [0, 1, 3], ours: [3] });
  });

  test('two transactions that were open at the position: its filter delivers a record of one, ours none', () => {
    const messages = [message(5, '2'), message(6, '1'), message(7, '3')];
    const aborted = [
      { producerId: '1', firstOffset: '1' },
      { producerId: '2', firstOffset: '2' },
    ];
    expect(delivered(messages, aborted)).toEqual({ theirs: [5, 7], ours: [7] });
  });

  test('what was committed, or never was in a transaction, is delivered', () => {
    const plain = { producerId: '1', inTransaction: false, timestampType: 0 };
    const messages = [
      message(0, '1'),
      message(1, '1', { key: marker, isControlRecord: true }),
      message(2, '1', { batchContext: plain }),
      message(3, '1'),
      message(4, '1', { key: Buffer.from([0, 0, 0, 1]), isControlRecord: true }),
    ];
    expect(delivered(messages, [{ producerId: '1', firstOffset: '0' }]).ours).toEqual([2, 3]);
  });

  describe('mended', () => {
    beforeAll(() => {
      patchKafka();
      patchKafka(); // twice is once
    });

    test('its request queue sleeps until there is something', () => {
      expect(wakesIdle()).toBe(false);
    });

    test('headers are kept as they came', () => {
      expect(headersOf(decodeHeaders()).map(([name, value]) => `${name}=${value}`)).toEqual([
        'b=x',
        '1=x',
        'toString=x',
        'b=x',
      ]);
    });
  });
});
