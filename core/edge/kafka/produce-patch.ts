// The fourth mend of kafkajs (patch.ts has the others): an OutgoingBatch, given in the place of messages, is sent as the bytes that it is. The
// request around it is that of all versions from 3 to 8 (kafkajs has 7 as its last):
//
//   transactional id, acks 2, timeout 4, 1 topic 4, its name, 1 partition 4, its number 4, length 4, the batch

import { KafkaError } from './error.ts';
import { type Broker, type ProduceRequest, type Protocol, sendRequestOf } from './internals.ts';
import { OutgoingBatch } from './outgoing-batch.ts';

type Send = (this: Broker, protocol: Protocol) => Promise<unknown>;

const defaults = { acks: -1, timeout: 30_000 };

/** Replaces `produce` of kafkajs' brokers. */
export function patchProduce(prototype: Broker): void {
  const { produce } = prototype;
  const name = sendRequestOf(prototype);
  prototype.produce = function (request) {
    if (!holdsOutgoingBatch(request)) return produce.call(this, request);
    const send: Send = ({ request: made, ...rest }) => {
      const body = encodeProduce(request);
      const encode = async () => ({ buf: body, buffer: body });
      return (Reflect.get(this, name) as Send).call(this, { ...rest, request: { ...made, encode } });
    };
    // kafkajs makes the request, of the version that it chooses; what it would send comes back to us.
    return produce.call(Object.create(this, { [name]: { value: send } }), request);
  };
}

/** Throws `not-patched` where an OutgoingBatch would not be sent as it is. */
export function checkProduce(prototype: Broker): void {
  const set = new OutgoingBatch(0);
  set.add(null, Buffer.from('tried'));
  let sent: unknown;
  const broker: unknown = Object.create(prototype, {
    lookupRequest: { value: () => () => ({ request: { encode: () => null } }) },
    [sendRequestOf(prototype)]: {
      value: (protocol: Protocol) => {
        sent = protocol.request.encode;
      },
    },
  });
  const partitions = [{ partition: 0, messages: set, firstSequence: 0 }];
  const request: ProduceRequest = { topicData: [{ topic: 't', partitions }], producerId: '1', producerEpoch: 0 };
  prototype.produce.call(broker as Broker, request).catch(() => {});
  if (typeof sent !== 'function' || sent.name !== 'encode')
    throw new KafkaError('not-patched', 'a set of records would be sent as something else');
}

function holdsOutgoingBatch({ topicData }: ProduceRequest): boolean {
  return topicData.some(({ partitions }) => partitions.some(({ messages }) => messages instanceof OutgoingBatch));
}

function encodeProduce(request: ProduceRequest): Buffer {
  const [data, ...others] = request.topicData;
  const [one, ...more] = data?.partitions ?? [];
  if (!data || !one || others.length > 0 || more.length > 0 || !(one.messages instanceof OutgoingBatch))
    throw new TypeError('found a set of records among others, expected it to be sent alone');
  const { transactionalId, acks = defaults.acks, timeout = defaults.timeout, producerId, producerEpoch } = request;
  const head = Buffer.concat([
    nullableString(transactionalId),
    integer(2, acks),
    integer(4, timeout),
    integer(4, 1),
    nullableString(data.topic),
    integer(4, 1),
    integer(4, one.partition),
    integer(4, one.messages.size),
  ]);
  const writer = {
    producerId: BigInt(`${producerId}`),
    producerEpoch,
    firstSequence: one.firstSequence,
    isTransactional: transactionalId !== undefined,
    timestamp: Date.now(),
  };
  return one.messages.encode(writer, head);
}

function integer(bytes: 2 | 4, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, 0, bytes);
  return buffer;
}

function nullableString(text: string | undefined): Buffer {
  if (text === undefined) return integer(2, -1);
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([integer(2, bytes.length), bytes]);
}
