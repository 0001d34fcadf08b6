/** Headers of a raw record that repeat its producer's number, so that it survives where the event can't be read. */
export const INSTANCE_HEADER = 'tidemark-instance';
export const SEQUENCE_HEADER = 'tidemark-sequence';
