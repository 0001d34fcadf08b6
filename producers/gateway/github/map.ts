/**
 * `mapGitHubWebhook`: a delivery of GitHub as the audit events that it tells. Pure and total: any JSON gives at least one
 * valid event, so that a new kind of webhook is recorded before anyone has written a rule for it. Only named fields are
 * copied: what a payload carries besides (keys, configurations, inputs, a deployer's own data) stays out.
 */
import type { AuditInput, TargetInput } from '../../sdk/index.ts';
import { at, identifier, isObject, objectAt, type Payload, textAt } from '../payload.ts';
import { accessRules } from './access.ts';
import { codeRules } from './code.ts';
import { deploymentRules } from './deployments.ts';
import type { Rules, Said } from './rule.ts';
import { anyRule, settingsRules } from './settings.ts';
import { accountTarget, actorOf, repositoryTarget } from './things.ts';

export interface GitHubDelivery {
  /** The header `X-GitHub-Delivery`: the same when GitHub delivers again. */
  readonly deliveryId: string;
}

const RULES: Rules = { ...codeRules, ...deploymentRules, ...accessRules, ...settingsRules };

/** An event may have a thousand targets, and an app may be installed for more repositories than that. */
const TARGETS_PER_EVENT = 500;

/** The events of a delivery: `eventName` is the header `X-GitHub-Event`, `payload` the parsed body. */
export function mapGitHubWebhook(eventName: string, payload: unknown, delivery: GitHubDelivery): AuditInput[] {
  const body = objectAt(payload, '');
  const rule = (Object.hasOwn(RULES, eventName) ? RULES[eventName] : undefined) ?? anyRule(eventName);
  const said = rule(body);
  const targets = targetsOf(said, body, eventName);
  const events: AuditInput[] = [];
  const [main, ...others] = targets;
  for (let from = 0; main !== undefined && (from === 0 || from < others.length); from += TARGETS_PER_EVENT) {
    events.push(eventOf(said, [main, ...others.slice(from, from + TARGETS_PER_EVENT)], eventName, body, delivery));
  }
  return events;
}

function eventOf(
  said: Said,
  targets: TargetInput[],
  eventName: string,
  body: Payload,
  delivery: GitHubDelivery,
): AuditInput {
  return {
    action: said.action,
    outcome: said.outcome ?? 'success',
    occurredAt: said.occurredAt,
    actor: actorOf(body),
    targets,
    origin: { service: 'github', host: hostOf(body), environment: said.environment, commit: said.commit },
    request: { id: identifier(delivery.deliveryId) },
    change: said.change,
    reason: said.reason,
    attributes: { 'github.event': identifier(eventName), 'github.action': actionOf(body), ...said.attributes },
  };
}

const actionOf = (body: Payload): string | undefined => {
  const action = at(body, 'action');
  return typeof action === 'string' ? identifier(action) : undefined;
};

/** The rule's targets, then the repository and the organization that they belong to, none of them twice. */
function targetsOf(said: Said, body: Payload, eventName: string): [TargetInput, ...TargetInput[]] {
  const organization = isObject(body.organization) ? { ...body.organization, type: 'Organization' } : {};
  const around = [repositoryTarget(objectAt(body, 'repository')), accountTarget(organization)];
  const targets = new Map<string, TargetInput>();
  for (const target of [...said.targets, ...around]) {
    if (target !== undefined && !targets.has(`${target.type}/${target.id}`))
      targets.set(`${target.type}/${target.id}`, target);
  }
  const [first, ...rest] = targets.values();
  return [first ?? { type: 'webhook', id: identifier(eventName) ?? 'unknown' }, ...rest];
}

/** Which GitHub it was: github.com, or an enterprise's own. */
function hostOf(body: Payload): string | undefined {
  const url = textAt(body, 'sender.html_url') ?? textAt(body, 'repository.html_url') ?? '';
  return URL.canParse(url) ? identifier(new URL(url).host) : undefined;
}
