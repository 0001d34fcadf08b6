/** The rules of the house: branch protection, repositories and their visibility, webhooks; and whatever has no rule of its own. */
import type { TargetInput } from '../../sdk/index.ts';
import { at, firstTime, idAt, isObject, objectAt, type Payload, slug, textAt, timeAt } from '../payload.ts';
import { changeOf, changesOf } from './changes.ts';
import type { Rules, Said } from './rule.ts';
import { accountTarget, insideRepository, repositoryTarget, thing } from './things.ts';
import { verbOf } from './verbs.ts';

const CONFIGURATION = { perimeter: 'configuration' };

export const settingsRules: Rules = { branch_protection_rule, repository, public: publicized, meta };

function branch_protection_rule(payload: Payload): Said {
  const rule = objectAt(payload, 'rule');
  const verb = verbOf(at(payload, 'action')) ?? 'change';
  return {
    action: `branch-protection.${verb}`,
    targets: [
      {
        ...insideRepository(payload, 'branch-protection', idAt(rule, 'id'), textAt(rule, 'name')),
        changes: changesOf(at(payload, 'changes'), rule),
      },
    ],
    change: CONFIGURATION,
    occurredAt: verb === 'delete' ? undefined : timeAt(rule, verb === 'create' ? 'created_at' : 'updated_at'),
  };
}

function repository(payload: Payload): Said {
  const subject = objectAt(payload, 'repository');
  const action = at(payload, 'action');
  const changes = changesOf(at(payload, 'changes'), subject).map(change =>
    // A new name is told as `changes.repository.name`, and a new owner only by who was it before.
    change.field === 'repository.name' ? { ...change, field: 'name', after: textAt(subject, 'name') } : change,
  );
  const visibility =
    action === 'publicized'
      ? changeOf('visibility', 'private', 'public')
      : action === 'privatized'
        ? changeOf('visibility', 'public', 'private')
        : undefined;
  const target = repositoryTarget(subject);
  return {
    action: `repository.${verbOf(action) ?? 'change'}`,
    targets: [
      target && { ...target, changes: visibility ? [...changes, visibility] : changes },
      action === 'transferred' ? accountTarget(objectAt(subject, 'owner')) : undefined,
    ],
    change: CONFIGURATION,
    occurredAt: action === 'created' ? timeAt(subject, 'created_at') : undefined,
  };
}

function publicized(payload: Payload): Said {
  const target = repositoryTarget(objectAt(payload, 'repository'));
  const changes = [{ field: 'visibility', before: 'private', after: 'public' }];
  return { action: 'repository.publicize', targets: [target && { ...target, changes }], change: CONFIGURATION };
}

/** The webhook itself is gone: what feeds this very mapping. */
function meta(payload: Payload): Said {
  const hook = { id: at(payload, 'hook_id') };
  return {
    action: `webhook.${verbOf(at(payload, 'action')) ?? 'delete'}`,
    targets: [thing('webhook', hook)],
    change: CONFIGURATION,
  };
}

/** Event names whose noun is another, or that say noun and verb at once. */
const NAMES: { readonly [event: string]: string } = {
  fork: 'repository.fork',
  gollum: 'wiki.change',
  ping: 'webhook.ping',
  page_build: 'page.build',
  repository_import: 'repository.import',
  workflow_dispatch: 'workflow.dispatch',
  repository_dispatch: 'repository.dispatch',
  issues: 'issue',
  watch: 'star.create',
};

/** Any other event: noun and verb from its name, the thing from the object of that name. No free text, no nested data. */
export function anyRule(event: string): (payload: Payload) => Said {
  return payload => {
    const named = Object.hasOwn(NAMES, event) ? NAMES[event] : undefined;
    const noun = named ?? slug(event) ?? 'webhook';
    const verb = verbOf(at(payload, 'action'));
    const [key, subject] = subjectOf(event, payload);
    const type = slug(key) ?? 'webhook';
    const target = type === 'webhook' ? undefined : targetOf(type, subject, payload);
    return {
      action: noun.includes('.') ? noun : `${noun}.${verb ?? 'report'}`,
      targets: [target && { ...target, changes: changesOf(at(payload, 'changes'), subject) }],
      occurredAt: timeOf(verb, subject),
    };
  };
}

/** By its own id, or by its number within the repository. */
function targetOf(type: string, subject: Payload, payload: Payload): TargetInput | undefined {
  const idPath = ['id', 'ghsa_id', 'node_id'].find(path => idAt(subject, path) !== undefined);
  if (idPath !== undefined) return thing(type, subject, idPath, 'title');
  const number = idAt(subject, 'number');
  return number === undefined ? undefined : insideRepository(payload, type, number, textAt(subject, 'title'));
}

/** The object that an event is about: `issues` has it under `issue`, most have it under their own name. */
function subjectOf(event: string, payload: Payload): [string, Payload] {
  for (const key of [
    event,
    event.replace(/s$/, ''),
    event.replace(/^.*_/, ''),
    event.replace(/^pull_request_review_/, ''),
  ]) {
    if (isObject(payload[key])) return [key, objectAt(payload, key)];
  }
  return ['webhook', {}];
}

/** Payloads show a thing as it is after: its last update is what happened, unless it is gone. */
function timeOf(verb: string | undefined, subject: Payload): Date | undefined {
  if (verb === 'create' || verb === 'open') return firstTime(subject, 'created_at');
  return verb === 'delete' || verb === 'remove' ? undefined : firstTime(subject, 'updated_at');
}
