/** What can be wrong with a value that should be evidence; also a metric's label, so the set is closed. */
export type ProofErrorCode =
  | 'malformed-note'
  | 'malformed-key'
  | 'unsigned-note'
  | 'malformed-checkpoint'
  | 'malformed-policy'
  | 'malformed-seal'
  | 'malformed-schema'
  | 'malformed-event'
  | 'malformed-segment'
  | 'malformed-json'
  | 'malformed-manifest'
  | 'malformed-entry'
  | 'malformed-archive'
  | 'malformed-period'
  | 'malformed-tile'
  | 'malformed-proof'
  | 'malformed-receipt'
  | 'malformed-source'
  | 'receipt-does-not-hold';

/** The one error class of core/proof: a value is not what its format says. The message tells what was found and what was expected. */
export class ProofError extends Error {
  readonly code: ProofErrorCode;

  constructor(code: ProofErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProofError';
    this.code = code;
  }
}
