// Orders where the keys are, below a prefix of their own, so that they share the keys' backup and end:
//
//   <prefix>/<kind>/<order id>/order.note
//   <prefix>/<kind>/<order id>/approval-<8 hex key id of who approves>.note
//   <prefix>/<kind>/<order id>/done.json
//
// All are created and never replaced. The mark `done` decides nothing: what is done shows in the key itself.

import { HeadObjectCommand } from '@aws-sdk/client-s3';
import type { KeyBucket } from '../keys/key-bucket.ts';
import type { StoredNote, StoredOrder } from './judge.ts';
import { isOrderId, type OrderKind, orderKinds } from './order.ts';

/** What orders need of a bucket. */
export interface OrderBucket {
  read(name: string): Promise<{ readonly bytes: Uint8Array; readonly etag: string } | null>;
  /** False where there is something already. */
  write(name: string, bytes: Uint8Array, etag: string | null): Promise<boolean>;
  names(): AsyncIterable<string>;
  /** When an object was stored, ms, by the bucket's clock. */
  storedAt(name: string): Promise<number>;
}

const requestTimeoutMs = 5_000;
/** Orders that are read at a time. */
const parallel = 16;

/** A bucket of keys, opened with the prefix of orders. */
export function orderBucket(bucket: KeyBucket): OrderBucket {
  const { client, settings } = bucket;
  return {
    read: name => bucket.read(name),
    write: async (name, bytes, etag) => (await bucket.write(name, bytes, etag)) !== null,
    names: () => bucket.names(),
    storedAt: async name => {
      const command = new HeadObjectCommand({ Bucket: settings.bucket, Key: `${settings.prefix}/${name}` });
      const { LastModified } = await client.send(command, { abortSignal: AbortSignal.timeout(requestTimeoutMs) });
      // Unknown is late: an erasure waits rather than to come too soon.
      return LastModified?.getTime() ?? Date.now();
    },
  };
}

export class OrderStore {
  readonly #bucket: OrderBucket;

  constructor(bucket: OrderBucket) {
    this.#bucket = bucket;
  }

  async all(): Promise<StoredOrder[]> {
    const places = [...(await this.#places())].flatMap(([place, files]) => {
      const [kindText, id = ''] = place.split('/');
      const kind = orderKinds.find(known => known === kindText);
      return kind && isOrderId(id) ? [{ kind, id, files }] : [];
    });
    const orders: StoredOrder[] = [];
    const work = async () => {
      for (let next = places.shift(); next; next = places.shift())
        orders.push(await this.#order(next.kind, next.id, next.files));
    };
    await Promise.all(Array.from({ length: parallel }, work));
    return orders;
  }

  /** One order; null where there is none of this kind. */
  async find(kind: OrderKind, id: string): Promise<StoredOrder | null> {
    const files = (await this.#places()).get(`${kind}/${id}`);
    return files ? this.#order(kind, id, files) : null;
  }

  /** False where the place is taken, which a fresh id never is. Durable once it returns. */
  create(kind: OrderKind, id: string, note: Uint8Array): Promise<boolean> {
    return this.#bucket.write(`${kind}/${id}/order.note`, note, null);
  }

  /** False where this key has approved it already. */
  approve(kind: OrderKind, id: string, keyIdHex: string, note: Uint8Array): Promise<boolean> {
    return this.#bucket.write(`${kind}/${id}/approval-${keyIdHex}.note`, note, null);
  }

  async markDone(kind: OrderKind, id: string, at: Date): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify({ done: at.toISOString() })}\n`, 'utf8');
    await this.#bucket.write(`${kind}/${id}/done.json`, bytes, null);
  }

  /** Names of the files of each order, by its place. */
  async #places(): Promise<Map<string, string[]>> {
    const places = new Map<string, string[]>();
    for await (const name of this.#bucket.names()) {
      const [kind = '', id = '', file = ''] = name.split('/');
      const files = places.get(`${kind}/${id}`) ?? [];
      places.set(`${kind}/${id}`, [...files, file]);
    }
    return places;
  }

  async #order(kind: OrderKind, id: string, files: readonly string[]): Promise<StoredOrder> {
    const load = (file: string) => this.#note(`${kind}/${id}/${file}`);
    const approvals = files.filter(file => /^approval-[0-9a-f]{8}\.note$/.test(file)).map(load);
    const [note, ...others] = await Promise.all([load('order.note'), ...approvals]);
    return { kind, id, note, approvals: others, isDone: files.includes('done.json') };
  }

  async #note(name: string): Promise<StoredNote> {
    const stored = await this.#bucket.read(name);
    return stored
      ? { bytes: stored.bytes, storedAt: await this.#bucket.storedAt(name) }
      : { bytes: new Uint8Array(), storedAt: 0 };
  }
}
