/** The door of the change perimeters: deployments, pipeline runs and schema migrations as events. See docs/changes.md. */
export { commitsBetween } from './commits.ts';
export { databaseName, isPostgres } from './database-name.ts';
export { type Deployment, type DeploymentStep, deploymentEvent } from './deployment.ts';
export type { ChangeErrorCode } from './error.ts';
export { migrationRunEvents } from './migration-event.ts';
export { MIGRATION_TOOLS, type MigrationTool, schemaVersion } from './migration-tables.ts';
export { type Round, type WatchOptions, watchOnce } from './migration-watch.ts';
export { runStep, type StepEvents, stepEvents } from './pipeline-step.ts';
export { type CommandEnd, runCommand } from './run-command.ts';
export { CREDENTIAL_VARIABLES, identifyRunner, type RunnerOptions } from './runner.ts';
