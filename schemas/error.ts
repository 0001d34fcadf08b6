/** What went wrong with a schema or its registry. */
export type SchemaErrorCode =
  /** The registry has no schema of that id: the record that names it can't be read. */
  | 'unknown-schema'
  /** Nothing registered under the subject is this text, and registering is forbidden. */
  | 'not-registered'
  /** The registry refuses the text as incompatible with an earlier version. */
  | 'incompatible'
  /** The subject has another compatibility than the one that we rely on. */
  | 'compatibility-differs'
  /** The registry refuses the credentials. */
  | 'unauthorized'
  /** No answer, or one that makes no sense: try again. */
  | 'unavailable';

export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  readonly code: SchemaErrorCode;

  constructor(code: SchemaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
