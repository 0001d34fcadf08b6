// The one error of the local stack. Messages say what was found and what to do, so that `main` prints them as they are.

export type StackErrorCode = 'missing-tool' | 'fetch-failed' | 'port-taken' | 'start-failed' | 'bad-settings';

export class StackError extends Error {
  readonly code: StackErrorCode;

  constructor(code: StackErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StackError';
    this.code = code;
  }
}
