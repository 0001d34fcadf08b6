/**
 * The people and things that payloads name. Ids are GitHub's numbers, which outlive renaming and say nothing of a person;
 * logins and names, which may be somebody's, stand in the fields that are encrypted.
 */
import type { ActorInput, TargetInput } from '../../sdk/index.ts';
import { at, idAt, identifier, objectAt, type Payload, textAt } from '../payload.ts';

/** Who did it: the sender, with the address that a push names for the same login. */
export function actorOf(payload: Payload): ActorInput {
  const sender = objectAt(payload, 'sender');
  const login = textAt(sender, 'login');
  const id = idAt(sender, 'id') ?? idAt(sender, 'login');
  if (id === undefined) return { kind: 'machine', id: 'github' }; // GitHub itself, such as for its advisories
  const pushed = textAt(payload, 'pusher.name') === login ? textAt(payload, 'pusher.email') : undefined;
  return {
    kind: at(sender, 'type') === 'User' ? 'human' : 'machine',
    id: accountId(id),
    name: login,
    email: textAt(sender, 'email') ?? pushed,
  };
}

/** A person, bot or organization account as a target. */
export function accountTarget(account: Payload): TargetInput | undefined {
  const id = idAt(account, 'id') ?? idAt(account, 'login');
  if (id === undefined) return undefined;
  const type = at(account, 'type');
  if (type === 'Organization') return { type: 'organization', id: accountId(id), name: textAt(account, 'login') };
  return { type: 'user', id: accountId(id), name: textAt(account, 'login'), person: type !== 'Bot' };
}

export function repositoryTarget(repository: Payload): TargetInput | undefined {
  const id = idAt(repository, 'id') ?? idAt(repository, 'full_name');
  return id === undefined ? undefined : { type: 'repository', id, name: textAt(repository, 'full_name') };
}

export function teamTarget(team: Payload): TargetInput | undefined {
  return thing('team', team, 'id', 'name');
}

/** Any other thing that has an id of its own. */
export function thing(type: string, object: Payload, idPath = 'id', namePath = 'name'): TargetInput | undefined {
  const id = idAt(object, idPath);
  return id === undefined ? undefined : { type, id, name: textAt(object, namePath) };
}

/** A thing that is counted within its repository, such as a branch or a pull request. */
export function insideRepository(
  payload: Payload,
  type: string,
  local: string | undefined,
  name?: string,
): TargetInput {
  const repository = idAt(payload, 'repository.id') ?? 'unknown';
  return { type, id: bounded(`${repository}/${local ?? 'unknown'}`), name };
}

/** A resource by GitHub's own address of it, in the form that names no account: `repositories/<id>/<path>`. */
export function resource(payload: Payload, path: string, id: string | undefined): string | undefined {
  const repository = idAt(payload, 'repository.id');
  if (repository === undefined || id === undefined) return undefined;
  return bounded(`repositories/${repository}/${path}/${id}`);
}

const accountId = (id: string): string => bounded(`github:${id}`);

/** Ids made of several may be too long together. */
const bounded = (id: string): string => identifier(id) ?? 'unknown';
