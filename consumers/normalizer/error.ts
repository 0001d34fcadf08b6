/** Why the normalizer can't go on; also a metric's label, so the set is closed. */
export type NormalizerErrorCode =
  /** The configured generation is below that of the chain. */
  | 'generation-falls'
  /** The events topic lacks a partition that the raw topic has. */
  | 'too-few-partitions'
  /** A partition was added that the broker which was asked does not know of yet. */
  | 'unknown-partition'
  /** The end of the chain is signed by a key that is not ours, nor accepted beside ours. */
  | 'unknown-key'
  /** Other writers' open transactions hide the end of the events topic. */
  | 'tail-hidden'
  /** The events topic refuses a run as too large. */
  | 'too-large'
  /** The worker was told to end. */
  | 'stopped';

const passing: ReadonlySet<NormalizerErrorCode> = new Set(['unknown-partition', 'tail-hidden', 'stopped']);

/** The one error class of the normalizer. `retry`: take the assignment's steps again; `fatal`: exit. */
export class NormalizerError extends Error {
  override readonly name = 'NormalizerError';
  readonly code: NormalizerErrorCode;

  constructor(code: NormalizerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get disposition(): 'retry' | 'fatal' {
    return passing.has(this.code) ? 'retry' : 'fatal';
  }
}
