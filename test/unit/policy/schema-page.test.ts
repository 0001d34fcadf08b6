// docs/schema.md is what the schemas and their examples say, and the examples are events that can be written.

import { describe, expect, test } from 'vitest';
import { checkEvent } from '../../../core/event/index.ts';
import { isPageCurrent } from '../../../schemas/document.ts';
import { acceptedExample, clearOriginalExample, refusedExample } from '../../../schemas/example.ts';
import { auditEventType, auditRecordType } from '../../../schemas/index.ts';

describe('docs/schema.md', () => {
  test('is current', () => {
    expect(isPageCurrent(), 'run node schemas/document.ts').toBe(true);
  });

  test.each([
    ['an event', acceptedExample],
    ['a refusal', refusedExample],
    ['a raw record in clear', { ...refusedExample, original: clearOriginalExample }],
  ])('its example of %s can be encoded', (_what, example) => {
    const { encode, decode } = auditRecordType();
    const datum = encode(example);
    expect(encode(decode(datum))).toEqual(datum);
  });

  test('its example of an event is one that a producer may send', () => {
    expect(checkEvent(acceptedExample)).toEqual([]);
    const { encode, decode } = auditEventType();
    expect(decode(encode(acceptedExample)).action).toBe(acceptedExample.action);
  });
});
