/** Why an auditor's command could not do its work; exit code 2. What verification finds is data, never an error. */
export type AuditorErrorCode =
  | 'bad-argument'
  | 'no-access'
  | 'unavailable'
  | 'no-archive'
  | 'no-policy'
  | 'no-keys'
  | 'not-found'
  | 'expired'
  | 'not-provable';

export class AuditorError extends Error {
  readonly code: AuditorErrorCode;

  constructor(code: AuditorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AuditorError';
    this.code = code;
  }
}
