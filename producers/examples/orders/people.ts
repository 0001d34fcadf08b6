import type { FastifyRequest } from 'fastify';
import type { ActorInput } from '../../sdk/index.ts';

/** Who may call, by bearer token. A real service would check a token's signature and say so in `credential`. */
const PEOPLE = new Map<string, ActorInput>([
  ['ada', person('u-1842', 'Ada Lovelace', 'ada@shop.example', ['finance', 'admin'])],
  ['bob', person('u-2077', 'Bob Cratchit', 'bob@shop.example', ['clerk'])],
]);

function person(id: string, name: string, email: string, roles: string[]): ActorInput {
  return { kind: 'human', id, name, email, roles };
}

/** Who calls; undefined: nobody we know. */
export function callerOf(request: FastifyRequest): ActorInput | undefined {
  return PEOPLE.get(request.headers.authorization?.replace(/^Bearer /, '') ?? '');
}

export const mayRefund = (caller: ActorInput): boolean => caller.roles?.includes('finance') ?? false;
export const mayConfigure = (caller: ActorInput): boolean => caller.roles?.includes('admin') ?? false;
