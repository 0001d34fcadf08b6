// An event whose own time is far from when the topic received it is kept as it is, and flagged: it was sent late, or a clock is wrong.

import type { Duration } from '../../../core/proof/period.ts';
import type { AuditRecord, Flag } from '../../../schemas/index.ts';

/** The flag that a record deserves; null: none. */
export function clockFlag(record: AuditRecord, tolerance: Duration): Flag | null {
  const skew = record.occurredAt - record.received.at;
  if (Math.abs(skew) <= tolerance.ms * 1000) return null;
  const note =
    skew > 0
      ? `more than ${tolerance.text} after the topic received it: a clock is wrong`
      : `more than ${tolerance.text} before the topic received it: it was sent late, or a clock is wrong`;
  return { code: 'clock-skew', field: 'occurredAt', note };
}
