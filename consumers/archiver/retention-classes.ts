// Classes of events that have to be kept longer than TIDEMARK_RETENTION says: the file that TIDEMARK_RETENTION_CLASSES names.
//
//   classes:
//     - name: payments            what a start's log calls it
//       keep: P7Y                 days, hours, …, or years (core/edge/retention.ts); never less than TIDEMARK_RETENTION
//       action: ['payment.*']     a glob or several, of which one has to match; also tenant
//       tag: retention=tax-*      the key of an attribute, or key=value, each a glob
//
// An event is of each class whose conditions all hold, and is kept as long as the longest of them says.

import { parse } from 'yaml';
import { z } from 'zod';
import { parseKeep } from '../../core/edge/retention.ts';
import type { Duration } from '../../core/proof/period.ts';

/** As much of an event as classes go by. */
export interface Classified {
  readonly action: string;
  readonly tenant: string | null;
  /** `value` null: it can't be read here, because it is encrypted. */
  readonly attributes: readonly { readonly key: string; readonly value: string | null }[];
}

export interface RetentionClass {
  readonly name: string;
  readonly keep: Duration;
  matches(event: Classified): boolean;
}

const globs = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).transform(given => [given].flat());
const fileSchema = z.strictObject({
  classes: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[\w.-]{1,100}$/, 'expected letters, digits, ".", "_" and "-"'),
        keep: z.string(),
        action: globs.optional(),
        tenant: globs.optional(),
        tag: globs.optional(),
      }),
    )
    .min(1),
});
type Described = z.infer<typeof fileSchema>['classes'][number];

/** Parses the file's text. `shortest`: TIDEMARK_RETENTION. Throws an Error that says all that is wrong, a line each. */
export function parseClasses(text: string, shortest: Duration): RetentionClass[] {
  const parsed = fileSchema.safeParse(parse(text));
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.') || 'file'}: ${message}`);
    throw new RangeError(lines.join('\n'));
  }
  const problems: string[] = [];
  const names = new Set<string>();
  const classes = parsed.data.classes.flatMap((described): RetentionClass[] => {
    const { name } = described;
    const say = (what: string) => void problems.push(`${name}: ${what}`);
    if (names.has(name)) say('there twice');
    names.add(name);
    if (!described.action && !described.tenant && !described.tag) say('expected an action, a tenant or a tag');
    const keep = keepOf(described, say);
    if (!keep) return [];
    if (keep.ms < shortest.ms) say(`keep is ${keep.text}, expected at least TIDEMARK_RETENTION (${shortest.text})`);
    return [{ name, keep, matches: compile(described) }];
  });
  if (problems.length > 0) throw new RangeError(problems.join('\n'));
  return classes;
}

function keepOf({ keep }: Described, say: (what: string) => void): Duration | null {
  try {
    return parseKeep(keep);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return null;
  }
}

function compile({ action, tenant, tag }: Described): RetentionClass['matches'] {
  const tests: RetentionClass['matches'][] = [];
  if (action) {
    const isOne = anyOf(action);
    tests.push(event => isOne(event.action));
  }
  if (tenant) {
    const isOne = anyOf(tenant);
    tests.push(event => event.tenant !== null && isOne(event.tenant));
  }
  if (tag) {
    const tags = tag.map(compileTag);
    tests.push(({ attributes }) => attributes.some(attribute => tags.some(matches => matches(attribute))));
  }
  return event => tests.every(test => test(event));
}

function compileTag(tag: string): (attribute: Classified['attributes'][number]) => boolean {
  const at = tag.indexOf('=');
  const isKey = anyOf([at < 0 ? tag : tag.slice(0, at)]);
  if (at < 0) return ({ key }) => isKey(key);
  const isValue = anyOf([tag.slice(at + 1)]);
  // A value that can't be read counts: rather locked for too long than for too short a time.
  return ({ key, value }) => isKey(key) && (value === null || isValue(value));
}

/** Whether a text is matched by one of the globs, whose only sign is `*`: any text. */
function anyOf(patterns: readonly string[]): (text: string) => boolean {
  const parts = patterns.map(pattern =>
    pattern.split(/\*+/).map(part => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&')),
  );
  const whole = new RegExp(`^(?:${parts.map(part => part.join('.*')).join('|')})$`, 'su');
  return text => whole.test(text);
}
