/** The door: who sent an event, by a proof that is checked against the registered services. */
export { judgeSource, type SourceRefusal, type SourceRefusalCode } from './judge-event.ts';
export { NO_PROOF, type SourceVerdict } from './judge-group.ts';
export { openSources, type SourcesOptions } from './open.ts';
export { type OwnSource, ownService, proveOwn } from './own.ts';
export type { Services } from './services.ts';
export { verdictsOf } from './verdicts.ts';
