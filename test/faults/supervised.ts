// A program with who starts it again when it ends, as a supervisor in production does: after errors that it can't go on from, a program
// of Tidemark ends and relies on that. Its output goes into a file, one for all its lives.

import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, spawnGuarded } from '../../infra/local/child.ts';

export interface SupervisedOptions {
  readonly name: string;
  /** Arguments of Node. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Started again when it ends; false: it has one life. */
  readonly again?: boolean;
}

const restartMs = 300;

export class Supervised {
  readonly name: string;
  readonly #options: SupervisedOptions;
  #child: Child | undefined;
  #wanted = false;
  #paused = false;
  /** Lives that ended by the program's own doing. */
  #ends: string[] = [];
  #over: Promise<void> = Promise.resolve();

  constructor(options: SupervisedOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** How its lives ended that nobody ended from outside. */
  get ends(): readonly string[] {
    return this.#ends;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && !this.#child.hasExited();
  }

  async start(): Promise<void> {
    this.#wanted = true;
    const { args, env, logFile, name, again = true } = this.#options;
    this.note('starts');
    const child = await spawnGuarded(process.execPath, [...args], { logFile, env: { ...env } });
    this.#child = child;
    const watch = async (): Promise<void> => {
      const { code, signal } = await child.exited;
      this.#paused = false;
      this.note(`ended with ${code ?? signal}`);
      if (!this.#wanted || this.#child !== child) return;
      if (signal === null) this.#ends.push(`${name}: ${code}`);
      if (!again) return;
      await delay(restartMs);
      if (this.#wanted && this.#child === child) await this.start();
    };
    this.#over = watch();
  }

  /** Whether its present life has said so, in its log. */
  hasSaid(text: string): boolean {
    const log = readFileSync(this.#options.logFile, 'utf8');
    const from = Math.max(log.lastIndexOf(`${this.name} starts`), log.lastIndexOf(`${this.name} is killed`));
    return log.slice(from).includes(text);
  }

  /** SIGKILL; it is started again at once. */
  async kill(): Promise<void> {
    this.note('is killed');
    await this.#child?.end('SIGKILL');
  }

  pause(): void {
    if (!this.isRunning) return;
    this.note('is stopped');
    this.#signal('SIGSTOP');
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.note('goes on');
    this.#paused = false;
    this.#signal('SIGCONT');
  }

  /** Ends it for good: asks, and kills what does not end in time. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM', graceMs = 40_000): Promise<void> {
    this.#wanted = false;
    this.resume();
    this.note(`gets ${signal}`);
    await this.#child?.end(signal, graceMs);
    await this.#over;
  }

  /** A line of ours in its log, so that what was done to it and what it said stand together. */
  note(text: string): void {
    appendFileSync(this.#options.logFile, `-- ${new Date().toISOString()} ${this.name} ${text}\n`);
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      if (this.#child) process.kill(this.#child.pid, signal);
    } catch {
      // It has just ended by itself.
    }
  }
}
