export type ChangeErrorCode =
  /** The commits between two can't be told. */
  | 'no-commits'
  /** The command can't be started. */
  | 'no-command'
  /** Whoever runs it shows a credential that can't be checked. */
  | 'no-identity'
  /** A database's address can't be read, or names none. */
  | 'no-database'
  /** Which version a database is at can't be told. */
  | 'no-version';

export class ChangeError extends Error {
  readonly code: ChangeErrorCode;

  constructor(code: ChangeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ChangeError';
    this.code = code;
  }
}
