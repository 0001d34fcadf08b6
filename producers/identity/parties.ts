/**
 * Who acts and on whose behalf, out of the claims of a token. RFC 8693, 4.1: the token's subject is the one on whose behalf
 * things are done; the outermost `act` is who acts now, and each `act` within it is who acted before. So
 *
 *     { sub: person, act: { sub: service, act: { sub: agent } } }
 *
 * is a service that acts for an agent that acts for a person: actor service, on behalf of [agent, person], nearest first.
 */
import { hash } from 'node:crypto';
import { LIMITS } from '../../core/event/index.ts';
import type { ActorKind } from '../../schemas/types.ts';
import { type Claims, identifier, isIdentifier, shown } from './claims.ts';
import { IdentityError } from './error.ts';
import type { CheckedActor, CheckedCredential, CheckedDelegator } from './identity.ts';

/** One who is named in a token. */
export interface Party {
  readonly subject: string;
  readonly issuer: string;
  /** The token's own subject, or one of those who act for it. */
  readonly role: 'subject' | 'acting';
  /** What the token says of this one. */
  readonly claims: Claims;
}

/** How claims become an actor. */
export interface PartyRules {
  /** The pseudonymous id; by default the subject, or a digest of it where it looks like a mail address. */
  readonly idOf?: ((party: Party) => string | undefined) | undefined;
  /** By default: who acts for somebody, or got the token as a client of its own, is a machine; else a human. */
  readonly kindOf?: ((party: Party) => ActorKind | undefined) | undefined;
  /** Claims that list roles, with dots for nested ones, such as `realm_access.roles`; default `roles`. */
  readonly roles?: readonly string[] | undefined;
  /** Take name, mail address and session id into the actor; default false. */
  readonly personal?: boolean | undefined;
}

/** The claims that name an issuer and a subject, which the caller has checked. */
export interface Named {
  readonly issuer: string;
  readonly subject: string;
  readonly claims: Claims;
}

/** The actor of a token. The roles are the token's: those in force, whoever acts. Throws `wrong-claim`. */
export function actorOf(
  token: Named,
  rules: PartyRules,
  credential: Omit<CheckedCredential, 'subject' | 'issuer'>,
): CheckedActor {
  const [acting, ...others] = partiesOf(token);
  if (acting === undefined) throw new IdentityError('wrong-claim', 'sub: found nothing, expected a subject');
  const { claims, subject } = acting;
  const personal = rules.personal
    ? { name: nameOf(claims), email: shown(claims.email), session: shown(token.claims.sid) }
    : {};
  return {
    kind: kindOf(acting, rules),
    id: idOf(acting, rules),
    ...personal,
    roles: rolesOf(token.claims, rules.roles ?? ['roles']),
    onBehalfOf: others.map((party): CheckedDelegator => {
      const name = rules.personal ? nameOf(party.claims) : undefined;
      return { kind: kindOf(party, rules), id: idOf(party, rules), ...(name === undefined ? {} : { name }) };
    }),
    // The subject is kept under the key of the actor, and so must be the actor's.
    credential: { ...credential, issuer: token.issuer, subject },
  };
}

/** Who acts, then on whose behalf, nearest first. */
function partiesOf({ issuer, subject, claims }: Named): Party[] {
  const parties: Party[] = [];
  for (let act: unknown = claims.act; act !== undefined; ) {
    if (typeof act !== 'object' || act === null) throw new IdentityError('wrong-claim', 'act: expected an object');
    if (parties.length >= LIMITS.delegators) {
      throw new IdentityError('wrong-claim', `act: expected at most ${LIMITS.delegators} within each other`);
    }
    const own: Claims = { ...act };
    const from = own.iss === undefined ? issuer : identifier(own.iss, 'act.iss');
    parties.push({ subject: identifier(own.sub, 'act.sub'), issuer: from, role: 'acting', claims: own });
    act = own.act;
  }
  return [...parties, { subject: identifier(subject, 'sub'), issuer, role: 'subject', claims }];
}

function kindOf(party: Party, { kindOf: own }: PartyRules): ActorKind {
  const chosen = own?.(party);
  if (chosen !== undefined) return chosen;
  const { client_id: client, azp, gty } = party.claims;
  // RFC 9068, 2.2: without a resource owner the subject is the client itself.
  const isClient = party.subject === client || party.subject === azp || gty === 'client-credentials';
  return party.role === 'acting' || isClient ? 'machine' : 'human';
}

function idOf(party: Party, { idOf: own }: PartyRules): string {
  const chosen = own?.(party);
  if (chosen !== undefined) return identifier(chosen, 'the id that idOf gives');
  if (!party.subject.includes('@')) return party.subject;
  // An id is kept in clear for ever. A digest can be guessed at by who knows the address: idOf names a better claim.
  return `sha256:${hash('sha256', `${party.issuer}\n${party.subject}`, 'base64url').slice(0, 22)}`;
}

function nameOf({ name, preferred_username: username }: Claims): string | undefined {
  return shown(name) ?? shown(username);
}

function rolesOf(claims: Claims, paths: readonly string[]): string[] {
  const roles = paths.flatMap(path => {
    const value = path in claims ? claims[path] : path.split('.').reduce(inside, claims);
    return Array.isArray(value) ? value : [];
  });
  const texts = [...new Set(roles)].filter(isIdentifier);
  // To keep some of them would say that the others were not in force.
  if (texts.length > LIMITS.roles) throw new IdentityError('wrong-claim', `roles: expected at most ${LIMITS.roles}`);
  return texts;
}

function inside(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}
