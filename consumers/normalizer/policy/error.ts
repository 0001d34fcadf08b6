import { formatYamlProblem, type YamlProblem } from '../../../core/edge/yaml-file.ts';

/** Something that is wrong with a policy file. */
export type PolicyProblem = YamlProblem;

/** `invalid`: it breaks rules, all of them listed; `unreadable`: the file can't be read. */
export type PolicyErrorCode = 'invalid' | 'unreadable';

/** The one error class of the policy. At the start it is fatal; while running the last good policy stays in force. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  readonly code: PolicyErrorCode;
  readonly problems: readonly PolicyProblem[];

  constructor(code: PolicyErrorCode, file: string, problems: readonly PolicyProblem[], options?: ErrorOptions) {
    super(problems.map(problem => formatYamlProblem(file, problem)).join('\n'), options);
    this.code = code;
    this.problems = problems;
  }
}
