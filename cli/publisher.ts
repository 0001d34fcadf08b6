// Events that somebody's pipeline publishes by these commands, under the identity of whoever runs them.

import { type Command, Option } from 'commander';
import { identifyRunner } from '../producers/changes/index.ts';
import type { Identity } from '../producers/identity/index.ts';
import { type Auditor, createAuditor } from '../producers/sdk/index.ts';
import { durationArgument } from './arguments.ts';

export interface PublisherOptions {
  readonly environment?: string;
  readonly actor?: string;
  readonly audience?: string;
  /** Milliseconds. */
  readonly within: number;
}

export const environmentOption = (): Option =>
  new Option('--environment <name>', 'where it happens, such as production').env('TIDEMARK_ENVIRONMENT');
const actorOption = (): Option =>
  new Option('--actor <id>', 'who does it, where no credential says so: u-9, or machine:service/deployer');
const audienceOption = (): Option =>
  new Option('--audience <name>', "whom the runner's ID token is for").default('tidemark');

export const withinOption = (): Option =>
  new Option('--within <duration>', 'how long it is tried to record an event')
    .default(15_000, 'PT15S')
    .argParser(durationArgument);

/** Those of every command that publishes under the identity of its runner. */
export const withPublisherOptions = (command: Command): Command =>
  command.addOption(environmentOption()).addOption(actorOption()).addOption(audienceOption()).addOption(withinOption());

const closeTimeoutMs = 5_000;

/** Runs `work` with an auditor in whose events the runner is the actor. By KAFKA_BROKERS and SCHEMA_REGISTRY_URL. */
export async function publishing<T>(
  options: PublisherOptions,
  work: (auditor: Auditor, identity: Identity) => Promise<T>,
): Promise<T> {
  const { environment, actor, audience, within } = options;
  const identity = await identifyRunner({ env: process.env, actor, audience });
  const auditor = createAuditor({ service: 'tidemark', environment, deliveryTimeoutMs: within });
  try {
    const scope = { actor: identity.actor ?? null, change: identity.change, attributes: identity.attributes };
    return await auditor.with(scope, () => work(auditor, identity));
  } finally {
    await auditor.close({ timeoutMs: closeTimeoutMs });
  }
}
