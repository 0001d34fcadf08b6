/** Limits of an event, in UTF-16 units or elements: wide enough for life, narrow enough for a bound on what one event costs. */
export const LIMITS = {
  /** Ids, types, names of fields and keys: what is compared and indexed. */
  identifier: 512,
  /** Names, addresses, user agents. */
  name: 2048,
  /** Reasons and values. */
  text: 262_144,
  targets: 1000,
  changes: 1000,
  attributes: 1000,
  roles: 256,
  delegators: 16,
  abandoned: 1000,
} as const;
