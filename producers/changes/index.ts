/** The door of the change perimeters: deployments and pipeline runs as events. See docs/changes.md. */
export { commitsBetween } from './commits.ts';
export { type Deployment, type DeploymentStep, deploymentEvent } from './deployment.ts';
export type { ChangeErrorCode } from './error.ts';
export { runStep, type Step, type StepEnd, type StepOptions } from './pipeline-step.ts';
export { type CommandEnd, runCommand } from './run-command.ts';
export { CREDENTIAL_VARIABLES, identifyRunner, type RunnerOptions } from './runner.ts';
