// The rules of a gate: which events a deployment requires, about what, with which identity and by whom. A YAML file, read strictly.

import { z } from 'zod';
import { parseKeep } from '../../core/edge/retention.ts';
import { formatYamlProblem, readYaml } from '../../core/edge/yaml-file.ts';
import { AuditorError } from '../error.ts';

const text = z.string({ error: 'a text' }).min(1, { error: 'a text that is not empty' });
const globs = z
  .array(text, { error: "a list of patterns, such as ['deployment.approve']" })
  .min(1, { error: 'at least one pattern' });
const duration = text.transform((value, context): number => {
  try {
    return parseKeep(value).ms;
  } catch {
    context.addIssue({ code: 'custom', input: value, message: 'a duration such as P7D' });
    return z.NEVER;
  }
});

const rule = z
  .strictObject(
    {
      name: text,
      actions: globs,
      /** Against any target, as `type/id`; `{service}` and the like stand for what is asked for. */
      target: text.optional(),
      commit: text.optional(),
      reference: text.optional(),
      environment: text.optional(),
      outcome: z.enum(['success', 'denied', 'failure'], { error: 'success, denied or failure' }).default('success'),
      identity: z
        .enum(['verified', 'asserted', 'anonymous'], { error: 'verified, asserted or anonymous' })
        .default('verified'),
      /** Ids of those who may do it, or roles of which they have one; absent: anybody. */
      by: globs.optional(),
      roles: globs.optional(),
      /** Whoever did one of these about the same thing does not count: separation of duties. */
      notWhoDid: globs.optional(),
      atLeast: z
        .number({ error: 'a number' })
        .int({ error: 'a whole number' })
        .min(1, { error: '1 or more' })
        .default(1),
      within: duration.optional(),
    },
    { error: 'a rule: a name, actions, and what holds for them' },
  )
  .refine(({ target, commit, reference }) => target ?? commit ?? reference, {
    error: 'target, commit or reference: what the events are about',
  });

const file = z.strictObject(
  {
    version: z.literal(1, { error: '1' }),
    rules: z.array(rule, { error: 'a list of rules' }).min(1, { error: 'at least one rule' }),
  },
  { error: 'a file of rules: version, rules' },
);

export type GateRule = z.output<typeof rule>;

/** Throws AuditorError `bad-argument` with all that is wrong. `name` is the file's, for messages. */
export function parseGateRules(content: string, name: string): readonly GateRule[] {
  const { data, problems } = readYaml(content, file);
  if (data !== null) return data.rules;
  throw new AuditorError('bad-argument', problems.map(problem => formatYamlProblem(name, problem)).join('\n'));
}
