/**
 * Masks well-known secrets and card numbers before an event leaves the process, by the patterns of the normalizer: what
 * was masked here was never on its way. Nearly every event has none, so the first look builds nothing.
 */
import { checkEvent } from '../../core/event/index.ts';
import { createDetector } from '../../core/masking/index.ts';
import type { AuditEvent, Value } from '../../schemas/types.ts';
import { invalidEvent } from './error.ts';

/** What is looked for. */
export interface MaskOptions {
  /** Tokens, private keys, passwords in URLs, by how their issuers write them. Default true. */
  readonly secrets?: boolean | undefined;
  /** Payment card numbers, by issuer, length and Luhn's digit. Default true. */
  readonly cards?: boolean | undefined;
}

/** The event itself where there is nothing to mask. */
export type Mask = (event: AuditEvent) => AuditEvent;

/** What no secret can be in, by its form: UUIDs and an action's name. The instance's numbers come later. */
const APART: ReadonlySet<string> = new Set(['id', 'action', 'corrects', 'producer']);

export function createMask({ secrets = true, cards = true }: MaskOptions = {}): Mask {
  if (!secrets && !cards) return event => event;
  const detector = createDetector({ secrets, cards, patterns: [] });
  const masked = (text: string): string => detector.mask(text)?.text ?? text;
  return event => {
    if (!mayHold(event, detector.mayHold)) return event;
    const { id, action, corrects, producer } = event;
    const copy = { ...(maskTexts(event, masked) as AuditEvent), id, action, corrects, producer };
    const result = { ...copy, attributes: distinct(copy.attributes) };
    // A mask is longer than what it hides: of a long id that may be too much.
    const problems = checkEvent(result);
    if (problems.length > 0) throw invalidEvent(problems);
    return result;
  };
}

function mayHold(event: AuditEvent, test: (text: string) => boolean): boolean {
  for (const name in event) {
    if (!APART.has(name) && someText(event[name as keyof AuditEvent], test)) return true;
  }
  return false;
}

function someText(value: unknown, test: (text: string) => boolean): boolean {
  if (typeof value === 'string') return test(value);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) if (someText(value[at], test)) return true;
    return false;
  }
  for (const name in value) if (someText((value as Record<string, unknown>)[name], test)) return true;
  return false;
}

function maskTexts(value: unknown, masked: (text: string) => string): unknown {
  if (typeof value === 'string') return masked(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(one => maskTexts(one, masked));
  const copy: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(value)) copy[name] = maskTexts(one, masked);
  return isValue(value) ? retype(value, copy.text) : copy;
}

const isValue = (value: object): value is Value => 'type' in value && 'text' in value;

/** A masked text may be no number and no JSON any more. */
function retype(value: Value, text: unknown): Value {
  if (text === value.text || typeof text !== 'string') return value;
  return { type: value.type === 'json' && isJson(text) ? 'json' : 'string', text };
}

/** Two keys may have become one by their masks. */
function distinct(attributes: AuditEvent['attributes']): AuditEvent['attributes'] {
  const keys = new Set<string>();
  return attributes.map(({ key, value }) => {
    let unique = key;
    for (let n = 2; keys.has(unique); n++) unique = `${key} ${n}`;
    keys.add(unique);
    return { key: unique, value };
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
