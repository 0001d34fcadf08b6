/** Several checkers as one, and the two ways of being less than verified. */
import type { Attribution } from '../../schemas/types.ts';
import { IdentityError } from './error.ts';
import type { CheckedActor, CheckedChange, Checker, Presented } from './identity.ts';
import { isJwt } from './jwt.ts';

/** An identity of any attribution. */
export interface Identity {
  readonly attribution: Attribution;
  /** Undefined: anonymous. */
  readonly actor: AssertedActor | undefined;
  readonly change?: CheckedChange | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly expiresAt?: number | undefined;
}

/** An actor whose credential may not have been checked by anybody. */
export type AssertedActor = Pick<CheckedActor, 'kind' | 'id'> &
  Partial<Omit<CheckedActor, 'kind' | 'id' | 'credential'>> & {
    readonly credential?: (Partial<CheckedActor['credential']> & { readonly method: string }) | undefined;
  };

/** No credential: nobody is named. */
export const ANONYMOUS: Identity = { attribution: 'anonymous', actor: undefined, attributes: {} };

/** What somebody merely says. A time of check is taken away: nobody checked. */
export function asserted(actor: AssertedActor): Identity {
  const { credential, ...rest } = actor;
  const { checkedAt: _, ...unchecked } = credential ?? { method: '' };
  return {
    attribution: 'asserted',
    actor: credential === undefined ? rest : { ...rest, credential: unchecked },
    attributes: {},
  };
}

export interface Identifier {
  /**
   * Who presented a credential, by the first checker that accepts it; without a credential `anonymous`. A credential that
   * fails is an error and never anonymous: who shows a bad one is not nobody.
   */
  identify(presented: Presented | undefined): Promise<Identity>;
  close(): void;
}

export function createIdentifier(checkers: readonly Checker[]): Identifier {
  return {
    identify: async presented => {
      if (presented === undefined) return ANONYMOUS;
      const checker = checkers.find(one => one.accepts(presented));
      if (checker !== undefined) return checker.check(presented);
      if (presented.kind === 'token' && isJwt(presented.token)) {
        throw new IdentityError('wrong-issuer', 'the token is of no issuer whose tokens are checked here');
      }
      throw new IdentityError('unsupported', `found a ${presented.kind} that nothing here checks`);
    },
    close: () => {
      for (const checker of checkers) checker.close();
    },
  };
}
