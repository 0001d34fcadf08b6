// A file of settings that people write: YAML, read strictly. What is wrong with it is found all at once, each with its line: nobody mends
// a file in ten rounds, and a key that is misspelt must not be a rule that silently does not hold.

import { isMap, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';

/** Something that is wrong with a file. */
export interface YamlProblem {
  /** From 1; null where it is not known. */
  readonly line: number | null;
  /** Where in the file, such as rules[1].identity; empty: the file itself. */
  readonly path: string;
  readonly found: string;
  readonly expected: string;
}

/** A problem as compilers write them: `policy.yaml:12: rules[1].identity: found …, expected …`. */
export function formatYamlProblem(file: string, problem: YamlProblem): string {
  return `${placeOf(file, problem)}: found ${problem.found}, expected ${problem.expected}`;
}

/** Where a problem is: `policy.yaml:12: rules[1].identity`. */
export function placeOf(file: string, { line, path }: YamlProblem): string {
  return `${file}${line === null ? '' : `:${line}`}${path === '' ? '' : `: ${path}`}`;
}

type Result<T> =
  | { readonly data: T; readonly problems: readonly [] }
  | { readonly data: null; readonly problems: readonly YamlProblem[] };

/** In UTF-16 units. A file of this size has thousands of entries. */
const MAX_FILE = 1_048_576;

/** What a file's text says, as the schema has it, or all that is wrong. The schema's messages say what was expected. */
export function readYaml<T>(text: string, schema: z.ZodType<T>): Result<T> {
  const whole = (found: string, expected: string) => ({
    data: null,
    problems: [{ line: null, path: '', found, expected }],
  });
  if (text.length > MAX_FILE) return whole(`${text.length} characters`, `at most ${MAX_FILE}`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const broken = [...document.errors, ...document.warnings].map(
    ({ pos, message }): YamlProblem => ({ line: lineAt(pos[0]), path: '', found: message, expected: 'YAML' }),
  );
  if (broken.length > 0) return { data: null, problems: broken };
  let value: unknown;
  try {
    // A file of aliases of aliases is refused by the parser's own limit.
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    return whole(cause instanceof Error ? cause.message : String(cause), 'YAML');
  }
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return { data: result.data, problems: [] };
  const lineOf = (at: readonly PropertyKey[], key?: string): number | null => {
    const offset = offsetOf(document, at, key);
    return offset === null ? null : lineAt(offset);
  };
  return { data: null, problems: result.error.issues.flatMap(issue => problemsOf(issue, lineOf)) };
}

type YamlDocument = ReturnType<typeof parseDocument>;
type LineOf = (path: readonly PropertyKey[], key?: string) => number | null;

function problemsOf(issue: z.core.$ZodIssue, lineOf: LineOf): YamlProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({
      line: lineOf(issue.path, key),
      path: formatPath(issue.path),
      found: `the key ${JSON.stringify(key)}, which means nothing here`,
      expected: 'only keys that are known',
    }));
  }
  const found = issue.input === undefined ? 'nothing' : describe(issue.input);
  return [{ line: lineOf(issue.path), path: formatPath(issue.path), found, expected: issue.message }];
}

/** Where a node begins; where it is missing, the nearest one around it. Of a map's entry: where its key does. */
function offsetOf(document: YamlDocument, path: readonly PropertyKey[], key?: string): number | null {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isMap(node) && key !== undefined && length === path.length) {
      const pair = node.items.find(item => isPair(item) && isScalar(item.key) && item.key.value === key);
      if (pair && isScalar(pair.key) && pair.key.range) return pair.key.range[0];
    }
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      return Number(node.range[0]);
    }
  }
  return null;
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}${text === '' ? '' : '.'}${String(key)}`),
    '',
  );
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
