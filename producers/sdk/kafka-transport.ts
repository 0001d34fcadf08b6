/**
 * The transport over kafkajs. One partition and one request at a time, with an idempotent producer and all in-sync
 * replicas; the answer is compared with what was asked, since kafkajs may resolve without it where a leader moves
 * (tulios/kafkajs#1303). After any error the producer is dropped: what it knows of sequence numbers is no longer certain.
 * Records carry no timestamps of ours: a service's clock must not be able to make a broker refuse them.
 */
import {
  type Admin,
  type ITopicMetadata,
  Kafka,
  type KafkaConfig,
  logLevel,
  Partitioners,
  type Producer,
  type RecordMetadata,
} from 'kafkajs';
import {
  auditEventText,
  openRegistry,
  type Registry,
  type RegistrySettings,
  SchemaError,
  subjectFor,
} from '../../schemas/index.ts';
import { calmClient } from './kafka-patch.ts';
import { Sockets } from './sockets.ts';
import { recordsOf, type Source } from './source-proof.ts';
import { type OutgoingMessage, type Transport, TransportError } from './transport.ts';

export interface KafkaTransportSettings {
  readonly kafka: KafkaConfig;
  readonly clientId: string;
  readonly registry: RegistrySettings;
  readonly topic: string;
  /** Signs what is sent; undefined: nobody does. */
  readonly source?: Source | undefined;
  readonly log: (level: 'error' | 'warn' | 'info' | 'debug', message: string) => void;
}

/** Partitions may be added while a service runs: its keys move to them within this time. */
const METADATA_AGE_MS = 300_000;
const LEVELS = { 1: 'error', 2: 'warn', 4: 'info', 5: 'debug' } as const;
/** kafkajs refuses an idempotent producer that never tries again. */
const RETRY = { retries: 1, initialRetryTime: 50, maxRetryTime: 500 };
const SASL_FAILURE = 'KafkaJSSASLAuthenticationError';
/** OpenSSL's names for a certificate that no authority we know vouches for. */
const UNTRUSTED = /^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|CERT_|INVALID_CA)/;
/** Errors that kafkajs gives at once, and for which the broker has appended nothing. */
const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
const REFUSED = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_RECORD',
]);

export class KafkaTransport implements Transport {
  readonly #settings: KafkaTransportSettings;
  readonly #registry: Registry;
  readonly #partitioner = Partitioners.DefaultPartitioner();
  readonly #sockets = new Sockets();
  readonly #kafka: Kafka;
  #producer: Producer | undefined;
  /** What a value begins with, by its schema's text: the id at the registry. */
  readonly #prefixes = new Map<string, Buffer>();
  #partitions: ITopicMetadata['partitions'] = [];
  /** Higher at each drop: a connection that is made too late is not ours any more. */
  #epoch = 0;
  #metadataAt = 0;

  constructor(settings: KafkaTransportSettings) {
    this.#settings = settings;
    this.#registry = openRegistry(settings.registry);
    calmClient(settings.clientId);
    this.#kafka = new Kafka({
      retry: RETRY,
      ...settings.kafka,
      clientId: settings.clientId,
      socketFactory: this.#sockets.factory,
      // Its check is a timer that would keep the process alive; each attempt has a time limit of ours instead.
      enforceRequestTimeout: false,
      logLevel: logLevel.INFO,
      logCreator: () => entry => {
        const level = LEVELS[entry.level as keyof typeof LEVELS];
        if (level !== undefined) settings.log(level, entry.log.message);
      },
    });
  }

  async open(timeoutMs: number): Promise<void> {
    const fresh = Date.now() - this.#metadataAt < METADATA_AGE_MS;
    if (this.#producer !== undefined && this.#prefixes.has(auditEventText) && fresh) return;
    try {
      await this.#within(timeoutMs, this.#connect());
    } catch (error) {
      this.#drop();
      throw explain(error, 'unsent');
    }
  }

  partitionOf(key: string): number {
    // Keys alone decide, by the same murmur2 as in Kafka's Java client.
    return this.#partitioner({
      topic: this.#settings.topic,
      partitionMetadata: this.#partitions,
      message: { key, value: null },
    });
  }

  async send(partition: number, messages: readonly OutgoingMessage[], timeoutMs: number): Promise<undefined> {
    const { topic } = this.#settings;
    const producer = this.#producer;
    if (producer === undefined) throw new TransportError('unsent', 'not connected');
    await this.#registerAll(messages, timeoutMs);
    const place = { topic, partition };
    const records = recordsOf(messages, message => this.#prefixOf(message), place, this.#settings.source);
    try {
      const request = producer.send({ topic, acks: -1, timeout: timeoutMs, messages: records });
      checkAnswer(await this.#within(timeoutMs, request), topic, partition);
    } catch (error) {
      this.#drop();
      throw explain(error, 'unknown');
    }
  }

  hold(pending: boolean): void {
    this.#sockets.hold(pending);
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    // Nothing waits for an answer: what is not disconnected in time is destroyed.
    await this.#within(2000, producer?.disconnect() ?? Promise.resolve()).catch(() => undefined);
    this.#sockets.destroy();
  }

  async #connect(): Promise<void> {
    const epoch = this.#epoch;
    const { topic } = this.#settings;
    await this.#registerSchema(auditEventText);
    const partitions = await this.#fetchPartitions(topic);
    const producer = this.#producer ?? (await this.#connectProducer());
    if (epoch !== this.#epoch) {
      producer.disconnect().catch(() => undefined);
      throw new Error('connected too late');
    }
    this.#producer = producer;
    this.#partitions = partitions;
    this.#metadataAt = Date.now();
  }

  async #connectProducer(): Promise<Producer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: RETRY,
    });
    await producer.connect();
    return producer;
  }

  async #fetchPartitions(topic: string): Promise<ITopicMetadata['partitions']> {
    const admin: Admin = this.#kafka.admin({ retry: RETRY });
    try {
      await admin.connect();
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics.find(({ name }) => name === topic)?.partitions ?? [];
      if (partitions.length === 0) throw new Error(`found no partitions of ${topic}, expected at least one`);
      return partitions;
    } catch (error) {
      throw isUnknownTopic(error) ? new Error(noTopic(topic), { cause: error }) : error;
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }

  /** Schemas of an SDK before this one: of events that it left in a spool. */
  async #registerAll(messages: readonly OutgoingMessage[], timeoutMs: number): Promise<void> {
    try {
      for (const { schema } of messages) {
        if (schema === undefined || this.#prefixes.has(schema)) continue;
        await this.#within(timeoutMs, this.#registerSchema(schema));
      }
    } catch (error) {
      throw explain(error, 'unsent');
    }
  }

  async #registerSchema(text: string): Promise<void> {
    if (this.#prefixes.has(text)) return;
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(await this.#registry.register(subjectFor(this.#settings.topic), text), 1);
    this.#prefixes.set(text, prefix);
  }

  #prefixOf({ schema = auditEventText }: OutgoingMessage): Buffer {
    const prefix = this.#prefixes.get(schema);
    if (prefix === undefined) throw new TransportError('unsent', 'the schema is not registered yet');
    return prefix;
  }

  #drop(): void {
    const producer = this.#producer;
    this.#producer = undefined;
    this.#epoch += 1;
    this.#sockets.destroy();
    producer?.disconnect().catch(() => undefined);
  }

  /** The timer holds the process, as long as an attempt does. */
  async #within<T>(timeoutMs: number, attempt: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${Math.round(timeoutMs)} ms`)), timeoutMs);
    });
    try {
      return await Promise.race([attempt, late]);
    } finally {
      clearTimeout(timer);
      attempt.catch(() => undefined);
    }
  }
}

function checkAnswer(answer: readonly RecordMetadata[], topic: string, partition: number): void {
  const [only] = answer;
  if (answer.length === 1 && only?.topicName === topic && only.partition === partition && only.errorCode === 0) return;
  const found = answer.map(row => `${row.topicName}/${row.partition} (${row.errorCode})`).join(', ') || 'nothing';
  throw new TransportError('unknown', `an answer for ${found}, expected one for ${topic}/${partition}`);
}

function explain(thrown: unknown, otherwise: 'unsent' | 'unknown'): TransportError {
  if (thrown instanceof TransportError) return thrown;
  if (thrown instanceof SchemaError) {
    const outcome = thrown.code === 'unavailable' || thrown.code === 'unknown-schema' ? 'unsent' : 'refused';
    return new TransportError(outcome, thrown.message, { cause: thrown });
  }
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const type = 'type' in error && typeof error.type === 'string' ? error.type : '';
  if (TOO_LARGE.has(type)) return new TransportError('too-large', error.message, { cause: error });
  const refused = REFUSED.has(type) || error.name === SASL_FAILURE;
  return new TransportError(refused ? 'refused' : otherwise, `${error.message}${settingOf(error)}`, { cause: error });
}

/** Also what may not be described is unknown. */
function isUnknownTopic(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if ('type' in at && at.type === 'UNKNOWN_TOPIC_OR_PARTITION') return true;
  return false;
}

const noTopic = (topic: string): string =>
  `the brokers know no topic ${topic}: it has to be created, or TIDEMARK_RAW_TOPIC has to name another`;

/** The settings that an error is about, where it is about any. */
function settingOf(error: Error): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at.name === SASL_FAILURE) return ' (see KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, or kafka.sasl)';
    if ('code' in at && UNTRUSTED.test(String(at.code))) return ' (see KAFKA_SSL_CA, or kafka.ssl)';
  }
  return '';
}
