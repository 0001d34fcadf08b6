// The file of webhooks that the documentation shows, or another one, read as the gateway reads it. Each secret is the name of its file.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gatewaySettings } from '../../../producers/gateway/http/settings.ts';
import { temporaryFolder } from '../../temporary.ts';

export function readWebhooks(file: string) {
  const folder = temporaryFolder();
  for (const name of ['payments', 'alerts']) writeFileSync(join(folder, `${name}.secret`), `${name}\n`);
  const path = join(folder, 'webhooks.yaml');
  writeFileSync(path, file);
  return gatewaySettings({ TIDEMARK_API_KEYS: 'keys.yaml', TIDEMARK_GATEWAY_WEBHOOKS: path }).webhooks;
}

export function exampleOfWebhooks() {
  const page = readFileSync(new URL('../../../docs/gateway.md', import.meta.url), 'utf8');
  const [, example] = /^```yaml webhooks\n([\s\S]*?)^```$/m.exec(page) ?? [];
  if (example === undefined) throw new Error('docs/gateway.md has no file of webhooks');
  return readWebhooks(example);
}
