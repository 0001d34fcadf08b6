/** Why a spool can't be used, or did not take events. */
export class SpoolError extends Error {
  override readonly name = 'SpoolError';
  /** `uncertain`: what was to be written may be found when the spool is opened again. */
  readonly code: 'locked' | 'damaged' | 'unwritable' | 'uncertain';

  constructor(code: SpoolError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
