/** Deployments, their states and approvals, and the pipelines that carry them out. */
import type { Outcome } from '../../../schemas/types.ts';
import { at, firstTime, idAt, objectAt, type Payload, textAt, timeAt } from '../payload.ts';
import type { Rules, Said } from './rule.ts';
import { insideRepository, resource } from './things.ts';
import { verbOf } from './verbs.ts';

const FAILED = new Set(['failure', 'error', 'timed_out', 'startup_failure', 'cancelled']);

export const deploymentRules: Rules = { deployment, deployment_status, deployment_review, workflow_run, workflow_job };

const outcomeOf = (state: unknown): Outcome => (typeof state === 'string' && FAILED.has(state) ? 'failure' : 'success');

function deployment(payload: Payload): Said {
  return {
    action: `deployment.${verbOf(at(payload, 'action')) ?? 'create'}`,
    ...deployed(payload),
    occurredAt: timeAt(payload, 'deployment.created_at'),
  };
}

/** The verb by the state: a deployment starts, then finishes well or badly; the states between are updates. */
function deployment_status(payload: Payload): Said {
  const state = at(payload, 'deployment_status.state');
  const finished = state === 'success' || state === 'failure' || state === 'error';
  return {
    ...deployed(payload),
    action: `deployment.${finished ? 'finish' : state === 'in_progress' ? 'start' : 'update'}`,
    outcome: outcomeOf(state),
    occurredAt: firstTime(payload, 'deployment_status.created_at'),
    attributes: { ...deployed(payload).attributes, 'deployment.state': idAt(payload, 'deployment_status.state') },
  };
}

/** What a deployment is, for all that happens to it. Its `payload` is the deployer's own and may hold anything: left out. */
function deployed(payload: Payload): Omit<Said, 'action'> {
  const subject = objectAt(payload, 'deployment');
  return {
    targets: [insideRepository(payload, 'deployment', idAt(subject, 'id'))],
    change: {
      perimeter: 'deployment',
      reference: resource(payload, 'commits', idAt(subject, 'sha')),
      run: runOf(payload),
    },
    environment: idAt(payload, 'deployment_status.environment') ?? idAt(subject, 'environment'),
    commit: idAt(subject, 'sha'),
    reason: textAt(subject, 'description'),
    attributes: { 'deployment.ref': idAt(subject, 'ref'), 'deployment.task': idAt(subject, 'task') },
  };
}

const runOf = (payload: Payload): string | undefined =>
  resource(payload, 'actions/runs', idAt(payload, 'workflow_run.id') ?? idAt(payload, 'workflow_job.run_id'));

/** Someone asks for, grants or refuses the go-ahead for a deployment to a protected environment. */
function deployment_review(payload: Payload): Said {
  const verb = verbOf(at(payload, 'action')) ?? 'request';
  const environment = idAt(payload, 'environment') ?? idAt(payload, 'workflow_job_run.environment');
  return {
    action: verb === 'request' ? 'deployment.request-approval' : `deployment.${verb}`,
    targets: [insideRepository(payload, 'environment', environment, environment)],
    change: {
      perimeter: 'deployment',
      reference: resource(payload, 'commits', idAt(payload, 'workflow_run.head_sha')),
      run: runOf(payload),
      approval: verb === 'approve' ? runOf(payload) : undefined,
    },
    environment,
    commit: idAt(payload, 'workflow_run.head_sha'),
    occurredAt: timeAt(payload, 'since'),
    reason: textAt(payload, 'comment'),
  };
}

function workflow_run(payload: Payload): Said {
  return pipeline(payload, 'workflow_run', 'run');
}

function workflow_job(payload: Payload): Said {
  return pipeline(payload, 'workflow_job', 'job');
}

function pipeline(payload: Payload, name: string, kind: 'run' | 'job'): Said {
  const subject = objectAt(payload, name);
  const verb = verbOf(at(payload, 'action')) ?? 'change';
  return {
    action: kind === 'run' ? `pipeline.${verb}` : `pipeline-job.${verb}`,
    outcome: outcomeOf(at(subject, 'conclusion')),
    targets: [
      insideRepository(
        payload,
        kind === 'run' ? 'pipeline-run' : 'pipeline-job',
        idAt(subject, 'id'),
        textAt(subject, 'name'),
      ),
    ],
    change: {
      perimeter: 'pipeline',
      reference: resource(payload, 'commits', idAt(subject, 'head_sha')),
      run: runOf(payload),
    },
    commit: idAt(subject, 'head_sha'),
    occurredAt:
      verb === 'finish'
        ? firstTime(subject, 'completed_at', 'updated_at')
        : firstTime(subject, 'started_at', 'run_started_at'),
    attributes: {
      'pipeline.workflow': idAt(payload, 'workflow.path') ?? idAt(subject, 'path'),
      'pipeline.trigger': idAt(subject, 'event'),
      'pipeline.branch': idAt(subject, 'head_branch'),
      'pipeline.attempt': idAt(subject, 'run_attempt'),
      'pipeline.conclusion': idAt(subject, 'conclusion'),
    },
  };
}
