/** `npm run normalizer`: wires, and says why it could not start. */
import { createLifecycle } from '../../core/edge/lifecycle.ts';
import { createLog } from '../../core/edge/log.ts';
import { SettingsError } from '../../core/edge/settings.ts';
import { openArchive } from './archive.ts';
import { readConfig } from './config.ts';
import { startNormalizer } from './normalizer.ts';

const log = createLog('normalizer', process.env);
const lifecycle = createLifecycle(log);
try {
  const settings = readConfig();
  const archive = openArchive(settings);
  lifecycle.onStop('archive', async () => archive.close());
  await startNormalizer({
    settings,
    log,
    archive,
    onFatal: lifecycle.fatal,
    onOpen: lifecycle.onStop,
  });
  log.info('running');
} catch (error) {
  if (error instanceof SettingsError) process.stderr.write(`${error.message}\n`);
  lifecycle.fatal(error instanceof Error ? error : new Error(String(error)));
}
