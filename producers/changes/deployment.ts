/** Deployments as audit events: what was running before, what runs after, and what lies between. */
import type { AuditInput, ChangeInput } from '../sdk/index.ts';

/** `finish` and `roll-back` put a version in force, as docs/enrichment.md has it; `start` does not. */
export type DeploymentStep = 'start' | 'finish' | 'roll-back';

export interface Deployment {
  /** Name of the service that is deployed, as its own events say it. */
  readonly service: string;
  /** The version that is to run, or runs now. */
  readonly version?: string | undefined;
  /** The version that ran before. */
  readonly previousVersion?: string | undefined;
  readonly commit?: string | undefined;
  /** Ids of the commits between, the newest first. */
  readonly commits?: readonly string[] | undefined;
  readonly outcome?: 'success' | 'denied' | 'failure' | undefined;
  /** A ticket or a pull request. */
  readonly reference?: string | undefined;
  /** Address of the pipeline run that carries it out. */
  readonly run?: string | undefined;
  /** What approved it, such as the id of a review. */
  readonly approval?: string | undefined;
  readonly reason?: string | undefined;
}

/** The event of one step of a deployment. */
export function deploymentEvent(step: DeploymentStep, deployment: Deployment): AuditInput {
  const { service, version, previousVersion, commit, commits, outcome, reason } = deployment;
  return {
    action: `deployment.${step}`,
    outcome,
    target: { type: 'service', id: service, changes: versionChange(previousVersion, version) },
    change: changeOf(deployment),
    reason,
    attributes: { version, commit, 'deployment.commits': commits },
  };
}

function changeOf({ reference, run, approval }: Deployment): ChangeInput {
  return { perimeter: 'deployment', reference, run, approval };
}

function versionChange(before: string | undefined, after: string | undefined) {
  return before === undefined && after === undefined ? undefined : [{ field: 'version', before, after }];
}
