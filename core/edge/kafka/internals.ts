// The parts of kafkajs that its door does not show and that we patch or call, typed as far as we use them. kafkajs has had no
// release since 2.2.4 (2023-02); any other is refused at start, since these names promise nothing.

import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';
import { KafkaError } from './error.ts';

export interface RawMessage {
  offset: string;
  timestamp: string;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, unknown>;
  isControlRecord: boolean;
  batchContext: { producerId: string; inTransaction: boolean; timestampType: number };
}

export interface RawPartition {
  partition: number;
  highWatermark: string;
  lastStableOffset: string;
  /** The log's start: kafkajs names it so. */
  lastStartOffset: string;
  abortedTransactions: { producerId: string; firstOffset: string }[] | null;
  messages: RawMessage[];
}

export interface FetchAnswer {
  responses: { topicName: string; partitions: RawPartition[] }[];
}

export interface FetchRequest {
  readonly isolationLevel: number;
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
}

export interface ProduceRequest {
  topicData: {
    topic: string;
    partitions: { partition: number; messages: unknown; firstSequence: number }[];
  }[];
  transactionalId?: string;
  producerId: unknown;
  producerEpoch: number;
  acks?: number;
  timeout?: number;
}

export interface Broker {
  /** The versions of each request that it knows. */
  readonly versions?: Record<number, { readonly maxVersion: number }>;
  produce(request: ProduceRequest): Promise<unknown>;
  fetch(request: FetchRequest): Promise<FetchAnswer>;
  listOffsets(request: {
    replicaId: number;
    isolationLevel: number;
    topics: { topic: string; partitions: { partition: number; timestamp: string }[] }[];
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>;
}

export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findBroker(node: { nodeId: string }): Promise<Broker>;
  findTopicPartitionMetadata(topic: string): { partitionId: number }[];
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>;
}

export interface RequestQueue {
  pending: unknown[];
  scheduleCheckPendingRequests(): void;
}

export interface Decoder {
  readVarIntArray(reader: (decoder: Decoder) => unknown): unknown[];
}

export const READ_UNCOMMITTED = 0;
export const READ_COMMITTED = 1;

/** A request of kafkajs, with what takes its answer apart. */
export interface Protocol {
  readonly request: { encode(): unknown };
  readonly response: { decode(payload: Buffer): Promise<object>; parse(decoded: object): Promise<object> };
}

const FETCH_KEY = 1;
/** Kafka has had it since 2.3. */
const fetchVersion = 11;

const wantedRelease = '2.2.4';
const require = createRequire(import.meta.url);

/** Loads kafkajs' own modules; throws `not-patched` where it is another release. */
export function loadInternals(): {
  Broker: { prototype: Broker };
  RequestQueue: { prototype: RequestQueue };
  Decoder: { prototype: Decoder };
} {
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== wantedRelease) {
    throw new KafkaError(
      'not-patched',
      `found kafkajs ${version}, expected ${wantedRelease}: the patches in core/edge/kafka/patch.ts are written for it`,
    );
  }
  return {
    Broker: require('kafkajs/src/broker'),
    RequestQueue: require('kafkajs/src/network/requestQueue'),
    Decoder: require('kafkajs/src/protocol/decoder'),
  };
}

/** The name of a broker's method that sends a request and answers what it brought. */
export function sendRequestOf(prototype: Broker): symbol {
  const symbol = Object.getOwnPropertySymbols(prototype).find(
    ({ description }) => description === 'private:Broker:sendRequest',
  );
  if (symbol === undefined)
    throw new KafkaError('not-patched', 'kafkajs has no private:Broker:sendRequest: is it another release?');
  return symbol;
}

type CreateCluster = (options: { metadataMaxAge: number; allowAutoTopicCreation: boolean }) => Cluster;

/** A connection of its own to the cluster that `kafka` is for, with its TLS and SASL. */
export function createCluster(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(one => one.description === 'private:Kafka:createCluster');
  const create: unknown = symbol && Reflect.get(kafka, symbol);
  if (typeof create !== 'function')
    throw new KafkaError('not-patched', 'kafkajs has no private:Kafka:createCluster: is it another release?');
  return (create as CreateCluster)({ metadataMaxAge: 300_000, allowAutoTopicCreation: false });
}

/** Fetch, version 11, whose answer is taken apart by `read` and then checked for error codes by kafkajs. */
export function fetchProtocol(request: FetchRequest, read: (payload: Buffer) => object): Protocol {
  const { protocol } = require('kafkajs/src/protocol/requests/fetch') as {
    protocol(version: { version: number }): (request: object) => Protocol;
  };
  const theirs = protocol({ version: fetchVersion })(request);
  return { ...theirs, response: { ...theirs.response, decode: async payload => read(payload) } };
}

/** Sends a Fetch to a broker that is connected; throws kafkajs' errors, and `unavailable` where it is older than 2.3. */
export async function sendFetch(broker: Broker, protocol: Protocol): Promise<object> {
  const version = broker.versions?.[FETCH_KEY]?.maxVersion ?? fetchVersion;
  if (version < fetchVersion) {
    const found = `found a broker that knows Fetch up to version ${version}`;
    throw new KafkaError('unavailable', `${found}, expected ${fetchVersion}: Kafka 2.3 or later`);
  }
  const send: unknown = Reflect.get(broker, sendRequestOf(Object.getPrototypeOf(broker)));
  return (send as (protocol: Protocol) => Promise<object>).call(broker, protocol);
}
