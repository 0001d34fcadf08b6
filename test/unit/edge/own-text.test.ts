import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ownText } from '../../../core/edge/own-text.ts';

test('a text of its own is the same text, whatever is in it', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), text => void expect(ownText(text)).toBe(text)));
  expect(ownText('\ud800')).toBe('\ud800');
});
