/** Who may do what: teams and their members, collaborators, organizations, apps, deploy keys. */
import type { FieldChangeInput, TargetInput } from '../../sdk/index.ts';
import { at, idAt, identifier, listAt, objectAt, type Payload, textAt, timeAt } from '../payload.ts';
import { changeOf, changesOf } from './changes.ts';
import type { Rules, Said } from './rule.ts';
import { accountTarget, insideRepository, repositoryTarget, teamTarget, thing } from './things.ts';
import { verbOf } from './verbs.ts';

const ACCESS = { perimeter: 'access' };

export const accessRules: Rules = {
  member,
  membership,
  organization,
  team,
  team_add: payload => teamPermission(payload, 'grant'),
  org_block,
  deploy_key,
  installation,
  installation_repositories: installation,
  github_app_authorization,
};

const GRANTS: { readonly [action: string]: string } = { added: 'grant', removed: 'revoke', edited: 'change' };

/** A collaborator of one repository. */
function member(payload: Payload): Said {
  const user = accountTarget(objectAt(payload, 'member'));
  return {
    action: `permission.${GRANTS[String(at(payload, 'action'))] ?? verbOf(at(payload, 'action')) ?? 'change'}`,
    targets: [withChanges(user, memberChanges(payload))],
    change: ACCESS,
  };
}

/** `old_permission.from` is the older spelling of `permission.from`; the two are one change. */
function memberChanges(payload: Payload): FieldChangeInput[] {
  const changes = objectAt(payload, 'changes');
  const { old_permission: old, ...others } = changes;
  if (old === undefined || others.permission !== undefined) return changesOf(others, {});
  const change = changeOf('permission', at(old, 'from'), at(old, 'to'));
  return [...(change ? [change] : []), ...changesOf(others, {})];
}

function membership(payload: Payload): Said {
  return {
    action: `membership.${verbOf(at(payload, 'action')) ?? 'change'}`,
    targets: [accountTarget(objectAt(payload, 'member')), teamTarget(objectAt(payload, 'team'))],
    change: ACCESS,
    attributes: { 'membership.scope': idAt(payload, 'scope') },
  };
}

function organization(payload: Payload): Said {
  const action = at(payload, 'action');
  const named = typeof action === 'string' ? /^member_(.+)$/.exec(action)?.[1] : undefined;
  if (named !== undefined) {
    const user = objectAt(payload, 'membership.user');
    const role = idAt(payload, 'membership.role') ?? idAt(payload, 'invitation.role');
    const change =
      named === 'added'
        ? changeOf('role', undefined, role)
        : named === 'removed'
          ? changeOf('role', role, undefined)
          : undefined;
    return {
      action: `membership.${verbOf(named) ?? 'change'}`,
      targets: [
        withChanges(
          accountTarget(at(user, 'id') === undefined ? objectAt(payload, 'user') : user),
          change ? [change] : [],
        ),
      ],
      change: ACCESS,
      occurredAt: timeAt(payload, 'invitation.created_at'),
      attributes: { 'membership.scope': 'organization', 'membership.role': role },
    };
  }
  const subject = objectAt(payload, 'organization');
  const target = accountTarget({ ...subject, type: 'Organization' });
  return {
    action: `organization.${verbOf(action) ?? 'change'}`,
    targets: [withChanges(target, changesOf(at(payload, 'changes'), subject))],
    change: ACCESS,
  };
}

function team(payload: Payload): Said {
  const action = at(payload, 'action');
  if (action === 'added_to_repository') return teamPermission(payload, 'grant');
  if (action === 'removed_from_repository') return teamPermission(payload, 'revoke');
  const changes = objectAt(payload, 'changes');
  if (at(changes, 'repository.permissions') !== undefined) return teamPermission(payload, 'change');
  const subject = objectAt(payload, 'team');
  return {
    action: `team.${verbOf(action) ?? 'change'}`,
    targets: [withChanges(teamTarget(subject), changesOf(changes, subject))],
    change: ACCESS,
  };
}

/** What a team may do in a repository. */
function teamPermission(payload: Payload, verb: 'grant' | 'revoke' | 'change'): Said {
  const subject = objectAt(payload, 'team');
  const permission = idAt(subject, 'permission');
  const whole = changeOf(
    'permission',
    verb === 'revoke' ? permission : undefined,
    verb === 'grant' ? permission : undefined,
  );
  const changes = verb === 'change' ? permissionChanges(payload) : whole ? [whole] : [];
  return { action: `permission.${verb}`, targets: [withChanges(teamTarget(subject), changes)], change: ACCESS };
}

/** Each right by name: `from` holds those before, the repository those after. */
function permissionChanges(payload: Payload): FieldChangeInput[] {
  const before = objectAt(payload, 'changes.repository.permissions.from');
  const after = objectAt(payload, 'repository.permissions');
  return Object.keys(before)
    .slice(0, 100)
    .flatMap(name => changeOf(rightOf(name), at(before, name), at(after, name)) ?? []);
}

function org_block(payload: Payload): Said {
  const action = `user.${verbOf(at(payload, 'action')) ?? 'block'}`;
  return { action, targets: [accountTarget(objectAt(payload, 'blocked_user'))], change: ACCESS };
}

/** The key itself is left out: it is public, but no auditor needs it where it has an id. */
function deploy_key(payload: Payload): Said {
  const key = objectAt(payload, 'key');
  const created = at(payload, 'action') === 'created';
  return {
    action: `deploy-key.${verbOf(at(payload, 'action')) ?? 'change'}`,
    targets: [insideRepository(payload, 'deploy-key', idAt(key, 'id'), textAt(key, 'title'))],
    change: ACCESS,
    occurredAt: created ? timeAt(key, 'created_at') : undefined,
    attributes: { 'deploy-key.read-only': at(key, 'read_only') === true },
  };
}

/** An app with its rights, and the repositories that it reaches. */
function installation(payload: Payload): Said {
  const subject = objectAt(payload, 'installation');
  const lists = ['repositories', 'repositories_added', 'repositories_removed'];
  const action = at(payload, 'action');
  const rights = Object.entries(objectAt(subject, 'permissions')).slice(0, 200);
  const granted = action === 'created' || action === 'new_permissions_accepted';
  const changes = granted ? rights.flatMap(([name, right]) => changeOf(rightOf(name), undefined, right) ?? []) : [];
  return {
    action: `installation.${verbOf(action) ?? 'change'}${at(payload, 'repository_selection') === undefined ? '' : '-repositories'}`,
    targets: [
      withChanges(thing('installation', subject, 'id', 'app_slug'), changes),
      accountTarget(objectAt(subject, 'account')),
      ...lists.flatMap(list => listAt(payload, list).map(repositoryTarget)),
    ],
    change: ACCESS,
    attributes: {
      'installation.app': idAt(subject, 'app_id'),
      'installation.selection': idAt(subject, 'repository_selection'),
    },
  };
}

function github_app_authorization(payload: Payload): Said {
  const action = `authorization.${verbOf(at(payload, 'action')) ?? 'change'}`;
  return { action, targets: [accountTarget(objectAt(payload, 'sender'))], change: ACCESS };
}

const rightOf = (name: string): string => identifier(`permissions.${name}`) ?? 'permissions';

const withChanges = (target: TargetInput | undefined, changes: FieldChangeInput[]): TargetInput | undefined =>
  target && { ...target, changes };
