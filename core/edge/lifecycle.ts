// A program's life: SIGTERM and SIGINT stop it cleanly, a fatal error ends it with exit 1 after what is open was closed. Who runs it
// starts it again, and starting is recovering.

import type { Logger } from 'pino';

export interface Lifecycle {
  /** What to close at the end; the last added is closed first. */
  onStop(name: string, close: () => Promise<void>): void;
  /** Ends the program: for what can't be gone on from. Further calls are logged only. */
  fatal(error: Error): void;
  readonly stopping: boolean;
}

const patienceMs = 20_000;

export function createLifecycle(log: Logger, exit: (code: number) => void = code => process.exit(code)): Lifecycle {
  const closers: { name: string; close: () => Promise<void> }[] = [];
  let stopping = false;

  const stop = async (code: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    const late = setTimeout(() => {
      log.error({ patienceMs }, 'did not stop in time');
      exit(1);
    }, patienceMs);
    for (const { name, close } of closers.toReversed()) {
      try {
        await close();
      } catch (error) {
        log.warn({ name, error }, 'did not close');
      }
    }
    clearTimeout(late);
    log.info({ code }, 'stopped');
    log.flush(() => exit(code));
  };

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping');
      void stop(0);
    });
  }
  const fatal = (error: Error): void => {
    log.fatal({ error }, error.message.split('\n')[0]);
    void stop(1);
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', reason => fatal(reason instanceof Error ? reason : new Error(String(reason))));
  return {
    onStop: (name, close) => void closers.push({ name, close }),
    fatal,
    get stopping() {
      return stopping;
    },
  };
}
