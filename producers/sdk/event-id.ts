/**
 * Ids of events: UUIDs of version 7 (RFC 9562, section 5.7) that grow from call to call, by a counter in the twelve bits
 * behind the milliseconds (section 6.2, method 1). Random bytes are drawn many at once: drawn for each id, they were a
 * fifth of what recording an event costs.
 */
import { randomFillSync } from 'node:crypto';

const POOL = 4096;
/** Of an id: 62 bits behind the counter, and eleven at which it begins. */
const PER_ID = 10;
const COUNTER_END = 0x1000;

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function eventIds(now: () => number = Date.now): () => string {
  const pool = Buffer.alloc(POOL);
  let at = POOL;
  let millisecond = 0;
  let counter = COUNTER_END;
  return () => {
    if (at + PER_ID > POOL) {
      randomFillSync(pool);
      at = 0;
    }
    const current = now();
    const byte = (index: number): number => pool[at + index] ?? 0;
    if (current > millisecond) {
      millisecond = current;
      // Half of the counter is left to count in.
      counter = ((byte(8) & 0x07) << 8) | byte(9);
    } else if (++counter >= COUNTER_END) {
      // More than fit into a millisecond, or a clock that went back: borrow from the next one.
      millisecond += 1;
      counter = ((byte(8) & 0x07) << 8) | byte(9);
    }
    const time = millisecond.toString(16).padStart(12, '0');
    const head = `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}`;
    const part = `${hex[0x80 | (byte(0) & 0x3f)]}${hex[byte(1)]}`;
    const tail = `${hex[byte(2)]}${hex[byte(3)]}${hex[byte(4)]}${hex[byte(5)]}${hex[byte(6)]}${hex[byte(7)]}`;
    at += PER_ID;
    return `${head}-${part}-${tail}`;
  };
}
