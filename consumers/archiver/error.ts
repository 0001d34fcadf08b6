/** What stops a partition's worker or the sealer; also a metric's label, so the set is closed. */
export type ArchiverErrorCode =
  /** The hinted offset is of no use: read the topic from its beginning. */
  | 'hint-misleads'
  /** A segment in the bucket is of runs that the topic never committed: begin again without it. */
  | 'segment-refuted'
  /** The last batch lists the chain by other segments than those that this worker knows: begin again behind it. */
  | 'listed-otherwise'
  /** The registry gives no answer. */
  | 'registry-unavailable'
  /** A seal or an object in our name, by a key or of a format that we do not know. */
  | 'unknown-signature';

const retried: ReadonlySet<ArchiverErrorCode> = new Set(['hint-misleads', 'segment-refuted', 'listed-otherwise']);

export class ArchiverError extends Error {
  override readonly name = 'ArchiverError';
  readonly code: ArchiverErrorCode;

  constructor(code: ArchiverErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** `retry`: the partition's worker begins again; `wait`: as often as need be; `fatal`: the program ends. */
  get disposition(): 'retry' | 'wait' | 'fatal' {
    if (this.code === 'registry-unavailable') return 'wait';
    return retried.has(this.code) ? 'retry' : 'fatal';
  }
}
