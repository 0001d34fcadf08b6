// The programs' log: pino, JSON lines on standard output, times in ISO 8601. TIDEMARK_LOG_LEVEL sets the level (info).

import { type Logger, pino, stdTimeFunctions } from 'pino';

export type { Logger } from 'pino';

export function createLog(program: string, env: Readonly<Record<string, string | undefined>>): Logger {
  const asked = env.TIDEMARK_LOG_LEVEL?.toLowerCase() ?? '';
  const level = asked === 'silent' || asked in pino.levels.values ? asked : 'info';
  return pino({
    level,
    base: { program },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
    serializers: { error: serializeError },
  });
}

/** An error with its stack; one that lists problems (settings) is that list: a stack would say nothing, and the message it all again. */
function serializeError(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  if ('problems' in value) return { type: value.name, problems: value.problems };
  return pino.stdSerializers.err(value);
}
