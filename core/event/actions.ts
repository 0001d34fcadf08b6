/** Actions that belong to tidemark itself; what services record never begins with `audit.`. */
export const AUDIT_ACTIONS = {
  /** A raw record that could not be accepted: only the normalizer makes these. */
  refuse: 'audit.refuse',
  /** Seals an idle partition: only the normalizer sends these. */
  heartbeat: 'audit.heartbeat',
  /** The last event of a producer instance. */
  close: 'audit.close',
  /** An erasure was asked for, approved, carried out, refused. */
  eraseRequest: 'audit.erase.request',
  eraseApprove: 'audit.erase.approve',
  eraseExecute: 'audit.erase.execute',
  eraseRefuse: 'audit.erase.refuse',
  /** A hold was placed; it was asked to lift it; it was lifted. */
  holdPlace: 'audit.hold.place',
  holdLiftRequest: 'audit.hold.lift-request',
  holdLift: 'audit.hold.lift',
  /** The key of a day's refused records was destroyed at its end. */
  dayKeyExpire: 'audit.day-key.expire',
  /** Personal data is about to be shown in clear. */
  reveal: 'audit.reveal',
  /** A record that was refused is sent again. */
  retry: 'audit.retry',
  /** Another policy is in force, or a policy file is broken: the normalizer sends these. */
  policy: 'audit.policy.change',
} as const;

/** Prefix of the actions of tidemark itself. */
export const RESERVED_PREFIX = 'audit.';

/** The rule for actions in words. */
export const ACTION_RULE =
  'a noun, then a verb, dotted and lower case, such as account.close, of at most 128 characters';

const ACTION = /^[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*(?:\.[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*)+$/;

/** Whether a text is an action's name. */
export function isAction(text: string): boolean {
  return text.length <= 128 && ACTION.test(text);
}
