/** Something that is wrong with a policy file. */
export interface PolicyProblem {
  /** Line of the file, from 1; null where it is not known. */
  readonly line: number | null;
  /** Where in the file, such as rules[1].identity; empty: the file itself. */
  readonly path: string;
  readonly found: string;
  readonly expected: string;
}

/** `invalid`: it breaks rules, all of them listed; `unreadable`: the file can't be read. */
export type PolicyErrorCode = 'invalid' | 'unreadable';

/** The one error class of the policy. At the start it is fatal; while running the last good policy stays in force. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  readonly code: PolicyErrorCode;
  readonly problems: readonly PolicyProblem[];

  constructor(code: PolicyErrorCode, file: string, problems: readonly PolicyProblem[], options?: ErrorOptions) {
    super(problems.map(problem => formatProblem(file, problem)).join('\n'), options);
    this.code = code;
    this.problems = problems;
  }
}

/** A problem as compilers write them: `policy.yaml:12: rules[1].identity: found …, expected …`. */
function formatProblem(file: string, { line, path, found, expected }: PolicyProblem): string {
  const where = line === null ? file : `${file}:${line}`;
  return `${where}: ${path === '' ? '' : `${path}: `}found ${found}, expected ${expected}`;
}
