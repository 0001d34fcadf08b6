// Which events a hold keeps readable, beside those of one person: patterns on fields that are never encrypted, as `tidemark read`
// takes them. Written in one way only, since it is signed.

import { z } from 'zod';
import { ErasureError } from './error.ts';

const globFields = ['action', 'actor', 'target', 'service', 'outcome', 'tenant'] as const;
const timeFields = ['from', 'to'] as const;

/** Patterns may hold `*`; of several of a field one has to match, of the fields all. Times are ISO 8601, or dates. */
export type HoldQuery = { readonly [name in (typeof timeFields)[number]]?: string } & {
  readonly [name in (typeof globFields)[number]]?: readonly string[];
};

const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?Z)?$/)
  .refine(text => !Number.isNaN(Date.parse(text)));
const globs = z.array(z.string().min(1)).min(1);
const querySchema = z
  .strictObject({
    from: time.optional(),
    to: time.optional(),
    action: globs.optional(),
    actor: globs.optional(),
    target: globs.optional(),
    service: globs.optional(),
    outcome: globs.optional(),
    tenant: globs.optional(),
  })
  .refine(query => Object.keys(query).length > 0);

/** `action=account.* target=account/a-7 from=2026-01-05`; throws `bad-order`. */
export function parseQuery(text: string): HoldQuery {
  const fail = (why: string): never => {
    const names = [...timeFields, ...globFields].join(', ');
    throw new ErasureError('bad-order', `query: ${why}; expected parts such as action=account.*, of ${names}`);
  };
  const query: { from?: string; to?: string } & { [name in (typeof globFields)[number]]?: string[] } = {};
  for (const part of text.split(/\s+/).filter(word => word !== '')) {
    const at = part.indexOf('=');
    const [name, value] = [part.slice(0, at), part.slice(at + 1)];
    const glob = globFields.find(field => field === name);
    const instant = timeFields.find(field => field === name);
    if (at < 1 || value === '') return fail(`found "${part.slice(0, 60)}"`);
    if (glob) query[glob] = [...(query[glob] ?? []), value];
    else if (instant) query[instant] = value;
    else return fail(`found the field "${name.slice(0, 60)}"`);
  }
  const parsed = querySchema.safeParse(query);
  return parsed.success ? ordered(parsed.data) : fail('found nothing to look for, or a time that is none');
}

export function formatQuery(query: HoldQuery): string {
  return JSON.stringify(ordered(query));
}

/** What {@link formatQuery} wrote; throws for anything else. */
export function parseQueryJson(text: string): HoldQuery {
  return ordered(querySchema.parse(JSON.parse(text)));
}

/** The names in one order, those that are absent left out. */
function ordered(query: { readonly [name in keyof HoldQuery]?: HoldQuery[name] | undefined }): HoldQuery {
  const entries = [...timeFields, ...globFields].flatMap(name =>
    query[name] === undefined ? [] : [[name, query[name]]],
  );
  return Object.fromEntries(entries);
}
