/** Why personal data can't be sealed or opened; also a metric's label, so the set is closed. */
export type EnvelopeErrorCode =
  /** A key was asked for that was not prepared, or has been dropped since: prepare again. */
  | 'not-prepared'
  /** The id of a key is none that we make, or names an algorithm that we do not know. */
  | 'bad-key-id'
  /** The bytes of an original are not what was encoded. */
  | 'bad-original';

/** The one error class of core/envelope. What opening a record finds is data: see FieldState. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
  readonly code: EnvelopeErrorCode;

  constructor(code: EnvelopeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** As the Kafka edge asks of an error: whether a partition's worker may begin again. */
  get disposition(): 'retry' | 'fatal' {
    return this.code === 'not-prepared' ? 'retry' : 'fatal';
  }
}
