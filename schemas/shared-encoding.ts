// Encodings of what many records hold alike, such as what a catalogue says of a service: made once, and kept as long as the value is.

/** The bytes of a value, and where its personal texts are: start and end of each with the index of its union, in order. */
export interface SharedEncoding {
  readonly bytes: Buffer;
  readonly personal: readonly number[];
}

const encodings = new WeakMap<object, SharedEncoding>();

/** Of a value that never changes any more: it is frozen, with all that it holds. */
export function keepEncoding(value: object, encoding: SharedEncoding): void {
  encodings.set(value, encoding);
}

export function encodingOf(value: object): SharedEncoding | undefined {
  return encodings.get(value);
}
