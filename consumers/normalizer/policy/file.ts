// The policy file: YAML, read strictly. What is wrong with it is found all at once, each with its line: nobody mends a file in ten
// rounds, and a key that is misspelt must not be a rule that silently does not hold.

import { z } from 'zod';
import { readYaml } from '../../../core/edge/yaml-file.ts';
import type { OwnPattern } from '../../../core/masking/index.ts';
import { ACTION_GLOB } from '../glob.ts';
import { PolicyError } from './error.ts';
import { type FieldPath, parsePath } from './path.ts';
import { compilePattern, MAX_PATTERN_LENGTH } from './patterns.ts';

const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const MAX_NAME = 64;

/** What becomes of an event, from the mildest. */
export const OUTCOMES = ['accept', 'flag', 'refuse'] as const;
export type PolicyOutcome = (typeof OUTCOMES)[number];
export const IDENTITIES = ['anonymous', 'asserted', 'verified'] as const;

const name = z
  .string({ error: 'a name of lower case letters, digits and -' })
  .max(MAX_NAME, { error: `a name of at most ${MAX_NAME} characters` })
  .regex(NAME, { error: 'a name of lower case letters, digits and -, such as payments-say-why' });
const globs = z
  .array(
    z
      .string({ error: 'an action or a pattern of actions' })
      .regex(ACTION_GLOB, { error: "an action or a pattern of actions, such as account.close or 'account.*'" }),
    { error: "a list of actions or patterns, such as ['account.*']" },
  )
  .min(1, { error: 'at least one action or pattern' })
  .max(1000, { error: 'at most 1000 patterns' });
const outcome = z.enum(OUTCOMES, { error: 'accept, flag or refuse' });
const onOff = z.boolean({ error: 'true or false' });

const path = z.string({ error: 'the path of a field' }).transform((text, context): FieldPath => {
  const parsed = parsePath(text);
  if (typeof parsed !== 'string') return parsed;
  context.addIssue({
    code: 'custom',
    message: `a path such as actor.email, targets[].name or attributes[key], not ${parsed}`,
  });
  return z.NEVER;
});

/** What evidence is found, keyed and numbered by. */
const KEPT =
  /^(?:id|action|corrects|producer\..*|actor\.id|actor\.onBehalfOf\[.*\]\.id|targets\[[^\]]*\]\.(?:id|type))$/;
const maskedPath = path.superRefine((parsed, context) => {
  if (!parsed.isText) context.addIssue({ code: 'custom', input: parsed.text, message: 'the path of a text' });
  if (KEPT.test(parsed.text)) {
    context.addIssue({ code: 'custom', input: parsed.text, message: 'a field that events are not found by' });
  }
});

const pattern = z
  .strictObject(
    {
      name,
      pattern: z
        .string({ error: 'a regular expression in the syntax of RE2' })
        .max(MAX_PATTERN_LENGTH, { error: `a pattern of at most ${MAX_PATTERN_LENGTH} characters` }),
    },
    { error: 'a name and a pattern' },
  )
  .transform((own, context): OwnPattern => {
    const compiled = compilePattern(own.name, own.pattern);
    if (typeof compiled !== 'string') return compiled;
    const message = `a regular expression in the syntax of RE2 of moderate size, not ${compiled}`;
    context.addIssue({ code: 'custom', input: own.pattern, path: ['pattern'], message });
    return z.NEVER;
  });
const patterns = z.array(pattern, { error: 'a list of patterns' }).max(100, { error: 'at most 100 patterns' });
const paths = z.array(path, { error: 'a list of paths' }).max(100, { error: 'at most 100 paths' });
const maskedPaths = z.array(maskedPath, { error: 'a list of paths' }).max(100, { error: 'at most 100 paths' });

const mask = z.strictObject(
  { secrets: onOff.default(true), cards: onOff.default(true), patterns: patterns.default([]) },
  { error: 'secrets, cards and patterns' },
);
const ruleMask = z.strictObject(
  {
    secrets: onOff.default(false),
    cards: onOff.default(false),
    patterns: patterns.default([]),
    fields: maskedPaths.default([]),
  },
  { error: 'secrets, cards, patterns and fields' },
);

const rule = z
  .strictObject(
    {
      name,
      actions: globs,
      except: globs.optional(),
      identity: z.enum(IDENTITIES, { error: 'verified, asserted or anonymous' }).default('anonymous'),
      require: paths.default([]),
      otherwise: outcome.optional(),
      outcome: outcome.default('accept'),
      mask: ruleMask.optional(),
    },
    { error: 'a rule: a name, actions, and what holds for them' },
  )
  .superRefine((one, context) => {
    if (one.otherwise !== undefined && one.identity === 'anonymous' && one.require.length === 0) {
      const message = 'it only beside an identity or fields that are demanded: without them nothing can be missing';
      context.addIssue({ code: 'custom', input: one.otherwise, path: ['otherwise'], message });
    }
  });

const example = z.strictObject(
  {
    name: z.string({ error: 'a text that says what the example shows' }).max(200, { error: 'at most 200 characters' }),
    event: z.record(z.string(), z.unknown(), { error: 'an event' }),
    attribution: z.enum(IDENTITIES, { error: 'verified, asserted or anonymous' }).optional(),
    expect: outcome,
    rules: z.array(name, { error: 'a list of names' }).optional(),
    masked: z.array(z.string({ error: 'the path of a field' }), { error: 'a list of paths' }).optional(),
  },
  { error: 'an example: a name, an event, and what is expected' },
);

const file = z
  .strictObject(
    {
      version: z.literal(1, { error: '1' }),
      mask: mask.default({ secrets: true, cards: true, patterns: [] }),
      rules: z.array(rule, { error: 'a list of rules' }).max(1000, { error: 'at most 1000 rules' }).default([]),
      examples: z.array(example, { error: 'a list of examples' }).default([]),
    },
    { error: 'a policy: version, mask, rules, examples' },
  )
  .superRefine(({ rules }, context) => {
    const names = new Set<string>();
    rules.forEach((one, index) => {
      const message = 'a name that no other rule has';
      if (names.has(one.name)) {
        context.addIssue({ code: 'custom', input: one.name, path: ['rules', index, 'name'], message });
      }
      names.add(one.name);
    });
  });

export type PolicyFile = z.output<typeof file>;
export type PolicyRule = z.output<typeof rule>;
export type PolicyExample = z.output<typeof example>;

/** Parses and checks the text of a policy; throws PolicyError `invalid` with all that is wrong. `name` is the file's, for messages. */
export function readPolicyFile(text: string, name: string): PolicyFile {
  const { data, problems } = readYaml(text, file);
  if (data === null) throw new PolicyError('invalid', name, problems);
  return data;
}
