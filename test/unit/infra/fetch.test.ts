// That a download is whole or absent, and happens once; and that what is missing is said in one line.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fetchOnce, type Package, runClient } from '../../../infra/local/fetch/once.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-fetch-'));
  vi.stubEnv('TIDEMARK_STACK_DIR', join(folder, 'stack'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const silent = () => {};

function packageOf(fill: Package['fill']): Package {
  return { name: 'thing-1', title: 'Thing 1', client: 'pip', fill };
}

describe('a download', () => {
  test('happens once for all who ask at the same time', async () => {
    const fill = vi.fn(async (into: string) => writeFileSync(join(into, 'file'), 'whole'));
    const folders = await Promise.all([1, 2, 3].map(() => fetchOnce(packageOf(fill), silent)));
    expect(fill).toHaveBeenCalledTimes(1);
    expect(new Set(folders).size).toBe(1);
    expect(readdirSync(join(folder, 'stack'))).toEqual(['thing-1']);
  });

  test('leaves nothing behind when it fails, and can be tried again', async () => {
    const fails = packageOf(async into => {
      writeFileSync(join(into, 'file'), 'half');
      throw new Error('connection reset');
    });
    await expect(fetchOnce(fails, silent)).rejects.toThrow('connection reset');
    expect(readdirSync(join(folder, 'stack'))).toEqual([]);
    const works = packageOf(async into => writeFileSync(join(into, 'file'), 'whole'));
    expect(existsSync(join(await fetchOnce(works, silent), 'file'))).toBe(true);
  });

  test('goes on where a killed process left its lock and half a download', async () => {
    const dead = spawnSync('true').pid;
    mkdirSync(join(folder, 'stack', `partial-${dead}-thing-1-x`), { recursive: true });
    writeFileSync(join(folder, 'stack', 'pip.lock'), String(dead));
    await fetchOnce(
      packageOf(async () => {}),
      silent,
    );
    expect(readdirSync(join(folder, 'stack'))).toEqual(['thing-1']);
  });

  test('is tried twice, then fails with what its client said', async () => {
    const count = 'echo x >> tries; echo "no route to host"; exit 3';
    await expect(runClient('/bin/sh', ['-c', count], folder)).rejects.toThrow(
      /failed with 3:\n(no route to host\n?){2}$/,
    );
  });
});

describe('a missing tool', () => {
  const main = fileURLToPath(new URL('../../../infra/local/main.ts', import.meta.url));

  /** `npm run stack` where these are all the programs that there are. */
  function runStack(programs: Record<string, string>) {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    symlinkSync(process.execPath, join(bin, 'node'));
    for (const [name, script] of Object.entries(programs)) writeFileSync(join(bin, name), script, { mode: 0o755 });
    const env = { PATH: bin, TIDEMARK_STACK_DIR: join(folder, 'stack') };
    return spawnSync(join(bin, 'node'), [main], { env, encoding: 'utf8' });
  }

  const java = (version: string) => `#!/bin/sh\necho 'openjdk version "${version}" 2025-04-15' >&2\n`;

  test('Java, Maven and Python are named in one line, with what to install', () => {
    const { status, stdout, stderr } = runStack({});
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /^tidemark needs Java 17 .* Maven .* Python 3 .*apt-get install default-jre-headless maven python3-pip.*\n$/,
    );
  });

  test('only what is missing is named', () => {
    const { stderr } = runStack({ java: java('21.0.2'), python3: '#!/bin/sh\n' });
    expect(stderr).toMatch(/^tidemark needs Maven .*\n$/);
    expect(stderr).not.toMatch(/Java|Python/);
  });

  test('a Java that is too old is as good as none', () => {
    const { stderr } = runStack({ java: java('11.0.27'), mvn: '#!/bin/sh\n', python3: '#!/bin/sh\n' });
    expect(stderr).toMatch(/^tidemark needs Java 17 or newer .*\n$/);
  });
});
