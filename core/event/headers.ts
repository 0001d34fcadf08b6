/** Headers of a raw record that repeat its producer's number, so that it survives where the event can't be read. */
export const INSTANCE_HEADER = 'tidemark-instance';
export const SEQUENCE_HEADER = 'tidemark-sequence';
/** Of a record that was refused and is sent again: the id of that refusal. */
export const RETRY_HEADER = 'tidemark-retry-of';
/** The flag of what it becomes; its note ends with that id. */
export const RETRIED_FLAG = 'retried';
