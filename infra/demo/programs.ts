// The programs of a whole Tidemark as the demo runs them: each a process of its own, ended with the demo whatever happens.

import { spawn } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, spawnGuarded } from '../local/child.ts';
import { waitUntilHealthy } from '../local/health.ts';
import { onFreePorts } from '../local/ports.ts';
import { DemoError } from './error.ts';
import type { Env, Environments, World } from './world.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Program {
  readonly name: string;
  /** Where it listens. */
  readonly url: string;
  /** Throws DemoError `program-ended` where it runs no more. */
  checkRuns(): void;
  /** SIGTERM, and waits for its clean end. */
  end(): Promise<void>;
}

const running = new Set<Child>();

/** For the end of a demo that failed: what still runs would keep it from ending. */
export async function killPrograms(): Promise<void> {
  await Promise.all([...running].map(child => child.end('SIGKILL')));
}

export interface ProgramPlan {
  readonly name: string;
  readonly main: string;
  readonly env: keyof Environments;
  /** Variable that tells it its port. */
  readonly port: string;
  /** Answers 200 when it is ready. */
  readonly ready: string;
}

export const NORMALIZER: ProgramPlan = {
  name: 'normalizer',
  main: 'consumers/normalizer/main.ts',
  env: 'normalizer',
  port: 'TIDEMARK_HTTP_PORT',
  ready: '/readyz',
};
export const ARCHIVER: ProgramPlan = {
  ...NORMALIZER,
  name: 'archiver',
  main: 'consumers/archiver/main.ts',
  env: 'archiver',
};
export const ORDERS: ProgramPlan = {
  name: 'orders',
  main: 'producers/examples/orders/main.ts',
  env: 'producers',
  port: 'PORT',
  ready: '/healthz',
};

/** Starts a program on a free port and waits until it is ready. Its log goes to the demo's folder. */
export function startProgram(world: World, plan: ProgramPlan): Promise<Program> {
  const logFile = join(world.folder, `${plan.name}.log`);
  return onFreePorts(1, async ([port = 0]) => {
    const url = `http://127.0.0.1:${port}`;
    const child = await spawnGuarded(process.execPath, [join(root, plan.main)], {
      logFile,
      cwd: root,
      env: { ...process.env, ...world.env[plan.env], [plan.port]: String(port) },
    });
    running.add(child);
    void child.exited.then(() => running.delete(child));
    await waitUntilHealthy(`the ${plan.name}`, child, logFile, async () => {
      const answer = await fetch(`${url}${plan.ready}`, { signal: AbortSignal.timeout(2000) });
      if (!answer.ok) throw new Error(`${plan.ready} answers ${answer.status}`);
    });
    return programOf(plan.name, url, child);
  });
}

function programOf(name: string, url: string, child: Child): Program {
  return {
    name,
    url,
    checkRuns: () => {
      if (child.hasExited()) throw new DemoError('program-ended', `the ${name} has ended by itself`);
    },
    end: async () => {
      await child.end('SIGTERM', 20_000);
      const { code, signal } = await child.exited;
      if (code === 0) return;
      throw new DemoError('program-ended', `the ${name} ended with ${signal ?? code}, expected a clean end at SIGTERM`);
    },
  };
}

export interface CommandResult {
  readonly code: number | null;
  /** Standard output. */
  readonly text: string;
  /** What it said beside. */
  readonly said: string;
}

/** Runs `tidemark`; without more with an auditor's means: the bucket and two files, no Kafka, no registry, no private key. */
export async function tidemark(
  world: World,
  args: readonly string[],
  env: Env = world.env.auditor,
): Promise<CommandResult> {
  const child = spawn(process.execPath, [join(root, 'cli/main.ts'), ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [text, said] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', more => (text += more));
  child.stderr.setEncoding('utf8').on('data', more => (said += more));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  await appendFile(join(world.folder, 'tidemark.log'), `$ tidemark ${args.join(' ')}\n${text}${said}\n`);
  return { code, text, said };
}

/** The two files that every check needs. */
export const trustOf = (world: World): string[] => [
  '--policy',
  world.files.policy,
  '--normalizer-keys',
  world.files.normalizerKeys,
];

export const locationOf = (world: World): string => `s3://${world.bucket}/${world.prefix}`;
