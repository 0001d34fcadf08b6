// The door of reading: events out of an archive, each with whether the proof holds on it.

export { exactJson } from './exact-json.ts';
export { type Filter, parseInstant } from './filter.ts';
export { type FormatName, formatNames, openFormat } from './format.ts';
export { type Proof, proofText } from './proof.ts';
export { type ReadEvent, type Remark, readEvents } from './read-events.ts';
export { keyIdsIn, keysInEvents, type Revealable, revealEvent } from './reveal.ts';
export { printable } from './table.ts';
export { parseLogKeyFile, parsePolicyFile, parseSealKeyFile, type Trust } from './trust.ts';
