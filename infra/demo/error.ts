/** Why the demo ended early: `step-failed` is a promise that did not hold, the others are circumstances. */
export type DemoErrorCode = 'step-failed' | 'bad-argument' | 'program-ended' | 'timeout';

export class DemoError extends Error {
  override readonly name = 'DemoError';
  readonly code: DemoErrorCode;

  constructor(code: DemoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
