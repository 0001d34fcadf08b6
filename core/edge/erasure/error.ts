/** Why an erasure, a hold or their approval was not taken. */
export type ErasureErrorCode =
  /** What was given can't be an order: an empty reason, a text of several lines, an unknown field of a query. */
  | 'bad-order'
  /** There is no such order, or it is of another kind. */
  | 'not-found'
  /** The key is none of an approver's, or not at this time. */
  | 'unknown-key'
  /** Who asked can't approve as well. */
  | 'self-approval'
  /** The approver named another person than the order. */
  | 'other-person'
  /** The order as it is stored does not hold: altered, replayed, or by a key that is not accepted. */
  | 'invalid-order'
  /** A hold forbids it. */
  | 'held'
  /** It was done, or lifted, already. */
  | 'done';

/** The one error class of core/edge/erasure. */
export class ErasureError extends Error {
  override readonly name = 'ErasureError';
  readonly code: ErasureErrorCode;

  constructor(code: ErasureErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
