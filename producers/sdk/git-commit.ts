/** The commit that is checked out, read from git's own files (gitrepository-layout(5)): no git needs to be installed. */
import { join, resolve } from 'node:path';
import { type Surroundings, upwards } from './origin.ts';

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

type Read = Surroundings['read'];

/** The commit of the repository around the program. */
export function findCommit({ folders, read }: Pick<Surroundings, 'folders' | 'read'>): string | undefined {
  for (const start of folders) {
    for (const folder of upwards(start)) {
      const git = gitFolder(folder, read);
      if (git !== undefined) return headOf(git, read);
    }
  }
  return undefined;
}

/** `.git`, or the folder that a file of that name leads to, as in a worktree or a submodule. */
function gitFolder(folder: string, read: Read): string | undefined {
  const own = join(folder, '.git');
  if (read(join(own, 'HEAD')) !== undefined) return own;
  const [, other] = /^gitdir: (.+)$/m.exec(read(own) ?? '') ?? [];
  return other === undefined ? undefined : resolve(folder, other.trim());
}

function headOf(git: string, read: Read): string | undefined {
  const head = read(join(git, 'HEAD'))?.trim() ?? '';
  const [, ref] = /^ref: (refs\/\S+)$/.exec(head) ?? [];
  if (ref === undefined) return commitOrNothing(head);
  // A worktree has its own HEAD and shares the refs.
  const common = read(join(git, 'commondir'))?.trim();
  const shared = common === undefined ? git : resolve(git, common);
  const loose = read(join(git, ref)) ?? read(join(shared, ref));
  return commitOrNothing(loose?.trim() ?? packed(read(join(shared, 'packed-refs')), ref));
}

function packed(text: string | undefined, ref: string): string {
  const line = text?.split('\n').find(one => one.trim().endsWith(` ${ref}`));
  return line?.trim().split(' ')[0] ?? '';
}

const commitOrNothing = (text: string): string | undefined => (COMMIT.test(text) ? text : undefined);
