// `npm run archiver`: wires, and says why it could not start.

import { createLifecycle } from '../../core/edge/lifecycle.ts';
import { createLog } from '../../core/edge/log.ts';
import { BucketError } from '../../core/edge/s3/error.ts';
import { SettingsError } from '../../core/edge/settings.ts';
import { startArchiver } from './archiver.ts';
import { readConfig } from './config.ts';

const log = createLog('archiver', process.env);
const lifecycle = createLifecycle(log);
try {
  await startArchiver({
    config: readConfig(),
    log,
    onFatal: lifecycle.fatal,
    onOpen: lifecycle.onStop,
    isStopping: () => lifecycle.stopping,
  });
  log.info('running');
} catch (error) {
  if (error instanceof SettingsError || error instanceof BucketError) process.stderr.write(`${error.message}\n`);
  lifecycle.fatal(error instanceof Error ? error : new Error(String(error)));
}
