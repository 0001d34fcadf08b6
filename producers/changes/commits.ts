/** The commits between two, as git tells them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ChangeError } from './error.ts';

const run = promisify(execFile);
const COMMIT = /^[0-9a-f]{7,64}$/;
/** Beyond these an event would be a list of commits and little else: the ends of the range still name them all. */
const MOST_COMMITS = 500;

/**
 * Ids of the commits that `after` has and `before` has not, the newest first, at most 500 (git-rev-list(1)).
 * Throws ChangeError `no-commits` where the folder is no repository, or one of the two isn't in it (a shallow clone).
 */
export async function commitsBetween(before: string, after: string, folder: string): Promise<string[]> {
  for (const commit of [before, after]) {
    if (!COMMIT.test(commit))
      throw new ChangeError('no-commits', `found ${JSON.stringify(commit)}, expected the id of a commit (hexadecimal)`);
  }
  const args = ['rev-list', `--max-count=${MOST_COMMITS}`, `${before}..${after}`, '--'];
  try {
    const { stdout } = await run('git', args, { cwd: folder });
    return stdout.split('\n').filter(line => line !== '');
  } catch (cause) {
    const advice = 'fetch the whole history (fetch-depth: 0), or leave the commit before out';
    throw new ChangeError('no-commits', `git does not know the commits from ${before} to ${after}: ${advice}`, {
      cause,
    });
  }
}
