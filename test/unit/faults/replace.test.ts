// A build that is broken on purpose is broken, or does not start: a broken build that is whole would prove nothing.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { brokenBuilds } from '../../faults/broken/damage.ts';
import { temporaryFolder } from '../../temporary.ts';

const root = new URL('../../..', import.meta.url);
const url = (path: string): string => new URL(path, root).href;

/** Loads a file behind a preloaded one; answers what came out of it. */
function load(preload: string, path: string): { status: number | null; output: string } {
  const script = `await import(${JSON.stringify(url(path))}); console.log('loaded');`;
  const args = ['--import', preload, '--input-type=module', '--eval', script];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

describe('a broken build', () => {
  it.each(brokenBuilds)('with $name finds the text that it breaks', ({ preload, broken }) => {
    expect(load(pathToFileURL(preload).href, broken)).toMatchObject({ status: 0 });
  });

  it('does not start where the text is not there any more', () => {
    const preload = join(temporaryFolder(), 'preload.mjs');
    const text = `import { replaceIn } from ${JSON.stringify(url('test/faults/broken/replace.ts'))};
replaceIn('consumers/normalizer/output.ts', 'what nobody wrote', '');`;
    writeFileSync(preload, text);
    const { status, output } = load(pathToFileURL(preload).href, 'consumers/normalizer/output.ts');
    expect(status).not.toBe(0);
    expect(output).toContain('consumers/normalizer/output.ts has not exactly one "what nobody wrote"');
  });
});
