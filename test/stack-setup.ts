// Vitest's global setup of the integration tests: one stack for the run, whatever the number of files, ended with it.

import type { TestProject } from 'vitest/node';
import { startStack } from '../infra/local/stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    stackEnv: Record<string, string>;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack({ progress: line => process.stderr.write(`${line}\n`) });
  project.provide('stackEnv', stack.env);
  return () => stack.stop();
}
