#!/usr/bin/env node
// Starts the command line with the Node release that this project pins (24 runs TypeScript files as they are), whatever
// release the machine has. Plain JavaScript that any Node since 12 reads.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cli = dirname(fileURLToPath(import.meta.url));
const main = join(cli, 'main.ts');
const pinned = join(cli, '..', 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const needed = 24;

if (Number.parseInt(process.versions.node, 10) >= needed) {
  await import('./main.ts');
} else if (existsSync(pinned)) {
  const child = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C reaches the child by itself, as both are in the terminal's group; it then decides how this ends.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT') child.kill(signal);
    });
  }
  child.on('error', error => {
    console.error(`tidemark: ${pinned} does not start (${error.message}): run "npm ci" again`);
    process.exitCode = 2;
  });
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exitCode = code ?? 2;
  });
} else {
  console.error(
    `tidemark: found Node ${process.versions.node}, expected ${needed} or later, and the pinned one is not in ${pinned}: ` +
      `run "npm ci" (without --ignore-scripts, which leaves it out), or install Node ${needed}`,
  );
  process.exitCode = 2;
}
