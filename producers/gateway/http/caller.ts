/** Who asks: checked before a body is read, and known for the rest of the request. */
import type { FastifyRequest } from 'fastify';
import { type Identifier, presentedBy, type VerifiedIdentity } from '../../identity/index.ts';
import { RequestError } from './problem.ts';

export interface Caller {
  readonly identity: VerifiedIdentity;
  /** One name for all tokens of a caller: those of OIDC are new every few minutes. */
  readonly name: string;
}

export class Callers {
  readonly #known = new WeakMap<FastifyRequest, Caller>();
  readonly #identifier: Identifier;
  readonly #role: string | undefined;

  /** `role`: that a caller needs; undefined: none. */
  constructor(identifier: Identifier, role: string | undefined) {
    this.#identifier = identifier;
    this.#role = role;
  }

  /** Checks who asks. Throws RequestError and IdentityError. */
  async check(request: FastifyRequest): Promise<void> {
    const presented = presentedBy({ headers: request.headers });
    const { attribution, actor, change, attributes } = await this.#identifier.identify(presented);
    const checkedAt = actor?.credential?.checkedAt;
    if (attribution !== 'verified' || checkedAt === undefined || actor?.credential === undefined) throw nobody();
    const { roles = [], onBehalfOf = [], credential } = actor;
    if (this.#role !== undefined && !roles.includes(this.#role)) {
      throw new RequestError(403, `the credential lacks the role ${this.#role}`);
    }
    const checked = { ...credential, checkedAt };
    const identity = { attribution, actor: { ...actor, roles, onBehalfOf, credential: checked }, change, attributes };
    this.#known.set(request, { identity, name: nameOf(identity) });
  }

  /** Who was checked. Throws RequestError where nobody was. */
  of(request: FastifyRequest): Caller {
    const caller = this.#known.get(request);
    if (caller === undefined) throw nobody();
    return caller;
  }
}

const nobody = () =>
  new RequestError(401, 'found no credential, expected Authorization: Bearer with an API key or a token');

function nameOf({ actor: { kind, id, credential } }: VerifiedIdentity): string {
  return JSON.stringify([credential.method, credential.issuer, credential.subject, kind, id]);
}
