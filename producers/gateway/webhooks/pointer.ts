/**
 * JSON Pointers (RFC 6901), and templates of them: `{/data/account}/{/data/id}`. Read once, when the file of webhooks is; nothing of a payload
 * is ever evaluated.
 */

export interface Pointer {
  /** As it is written, for messages. */
  readonly text: string;
  readonly names: readonly string[];
}

export const POINTER_FORM = 'a JSON Pointer such as /data/id (RFC 6901)';
export const TEMPLATE_FORM = 'a text with pointers in braces, such as {/account}/{/id}';

/** Undefined where the text is none. */
export function parsePointer(text: string): Pointer | undefined {
  if (!/^(\/([^~]|~[01])*)?$/s.test(text)) return undefined;
  // Section 4: ~1 before ~0, so that ~01 is ~1.
  const names = text.split('/').slice(1);
  return { text, names: names.map(name => name.replaceAll('~1', '/').replaceAll('~0', '~')) };
}

/** What a document has there; undefined: nothing. */
export function resolvePointer({ names }: Pointer, document: unknown): unknown {
  let value = document;
  for (const name of names) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    // An index has no leading zero, and a list has no other names.
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(name)) return undefined;
    value = (value as { readonly [name: string]: unknown })[name];
  }
  return value;
}

/** Texts and pointers by turns, one pointer at least; undefined where a text is no template. */
export function parseTemplate(text: string): readonly (string | Pointer)[] | undefined {
  const parts = text.split(/\{([^{}]*)\}/).map((part, index) => {
    if (index % 2 === 0) return /[{}]/.test(part) ? undefined : part;
    return parsePointer(part);
  });
  const known = parts.filter(part => part !== undefined);
  return parts.length > 1 && known.length === parts.length ? known : undefined;
}
