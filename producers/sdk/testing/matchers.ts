/** Matchers for vitest, and for what takes matchers as it does: `expect.extend(auditMatchers)`. */

import type { RecordedEvent } from '../recorded-event.ts';
import type { EventPattern } from './matching.ts';
import type { TestAuditor } from './test-auditor.ts';

export interface AuditMatchers<R = unknown> {
  /**
   * Whether an event was recorded that has what the pattern asks for; with `times`, exactly so often.
   * `expect(audit).toHaveRecorded({ action: 'account.close', target: { id: '42' } })`
   */
  toHaveRecorded(pattern: EventPattern, times?: number): R;
}

interface Result {
  readonly pass: boolean;
  readonly message: () => string;
}

const MAX_TOLD = 20;

export const auditMatchers = {
  toHaveRecorded(received: unknown, pattern: EventPattern, times?: number): Result {
    if (!isTestAuditor(received)) {
      return { pass: false, message: () => 'expected an auditor of createTestAuditor' };
    }
    const found = received.recorded(pattern).length;
    const pass = times === undefined ? found > 0 : found === times;
    const wanted = times === undefined ? 'an event' : `${times} events`;
    const message = (): string =>
      [
        `expected ${pass ? 'not ' : ''}to find ${wanted} like ${show(pattern)}, found ${found} among ${received.events.length}:`,
        ...received.events.slice(-MAX_TOLD).map(event => `  ${show(brief(event))}`),
        ...received.errors.map(error => `  refused: ${error.message}`),
      ].join('\n');
    return { pass, message };
  },
};

/** Without what every event has, and differs in each run. */
function brief({ id: _, occurredAt: __, origin: ___, targets, target, ...event }: RecordedEvent): object {
  return { ...event, ...(targets.length > 1 ? { targets } : { target }) };
}

function show(value: unknown): string {
  const text = (_: string, one: unknown): unknown => {
    if (typeof one === 'bigint') return `${one}n`;
    const matcher = typeof one === 'object' && one !== null && 'asymmetricMatch' in one;
    return matcher ? String(one) : one;
  };
  return JSON.stringify(value, text);
}

function isTestAuditor(value: unknown): value is TestAuditor {
  return typeof value === 'object' && value !== null && 'recorded' in value && 'events' in value;
}
