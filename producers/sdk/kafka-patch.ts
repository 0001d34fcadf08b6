/**
 * kafkajs 2.2.4 wakes each of its connections about a thousand times a second although nothing waits, and so also keeps
 * a process alive that has nothing left to do (tulios/kafkajs#1751). The check is only needed while requests wait.
 * Changed for the clients named here alone: a service's own kafkajs clients in the same process stay as they are.
 */
import { createRequire } from 'node:module';

interface RequestQueue {
  readonly clientId: string;
  readonly pending: readonly unknown[];
}

const calmed = new Set<string>();
let applied = false;

/** Calms the connections of a client id. Returns false where this kafkajs is another than the one we know. */
export function calmClient(clientId: string): boolean {
  calmed.add(clientId);
  applied ||= apply();
  return applied;
}

function apply(): boolean {
  try {
    const queue: unknown = createRequire(import.meta.url)('kafkajs/src/network/requestQueue');
    if (typeof queue !== 'function') return false;
    const prototype: { scheduleCheckPendingRequests?: unknown } = queue.prototype;
    const schedule = prototype.scheduleCheckPendingRequests;
    if (typeof schedule !== 'function') return false;
    prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
      if (this.pending.length === 0 && calmed.has(this.clientId)) return;
      schedule.call(this);
    };
    return true;
  } catch {
    return false;
  }
}
