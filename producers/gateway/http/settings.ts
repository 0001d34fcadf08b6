/** The gateway's settings; those of Kafka and the registry are the SDK's, which reads and checks them itself. */
import { z } from 'zod';
import { CATALOGUES_SETTING } from '../../../core/edge/catalogue-files.ts';
import { type Env, type Rule, SettingsReader } from '../../../core/edge/settings-reader.ts';
import { placeOf } from '../../../core/edge/yaml-file.ts';
import { parseWebhooks, type Webhooks } from '../webhooks/file.ts';

export interface GatewaySettings {
  /** File of API keys. */
  readonly apiKeys: string | undefined;
  readonly oidc: { readonly issuer: string; readonly audience: string } | undefined;
  /** 0: any free one; so is `httpPort`. */
  readonly port: number;
  readonly httpPort: number;
  readonly maxBodyBytes: number;
  readonly maxEvents: number;
  readonly rate: number;
  readonly role: string | undefined;
  /** Files and folders of catalogues: nothing but what they declare is recorded; null: anything is. */
  readonly actions: readonly string[] | null;
  readonly githubSecret: string | undefined;
  /** By name; none where there is no file. */
  readonly webhooks: Webhooks;
  /** Where events wait while Kafka is away. */
  readonly spool: { readonly directory: string; readonly maxBytes: number } | undefined;
}

/** Throws SettingsError with all that is wrong. */
export function gatewaySettings(env: Env): GatewaySettings {
  const reader = new SettingsReader(env);
  const apiKeys = reader.text('TIDEMARK_API_KEYS');
  const issuer = reader.text('TIDEMARK_OIDC_ISSUER');
  const audience = reader.text('TIDEMARK_OIDC_AUDIENCE');
  if (apiKeys === undefined && issuer === undefined) {
    const expected = 'a file of API keys, or an issuer in TIDEMARK_OIDC_ISSUER';
    reader.add('TIDEMARK_API_KEYS', 'nothing', expected, 'Make one by `tidemark api-keys create`.');
  }
  if ((issuer === undefined) !== (audience === undefined)) {
    const name = issuer === undefined ? 'TIDEMARK_OIDC_ISSUER' : 'TIDEMARK_OIDC_AUDIENCE';
    reader.add(name, 'nothing', 'a text', 'TIDEMARK_OIDC_ISSUER and TIDEMARK_OIDC_AUDIENCE go together.');
  }
  const directory = reader.text('TIDEMARK_GATEWAY_SPOOL');
  const maxBytes = reader.optional('TIDEMARK_GATEWAY_SPOOL_BYTES', wholeNumber(2_000_000, 2 ** 40), 2 ** 30);
  const settings = {
    apiKeys,
    oidc: issuer === undefined || audience === undefined ? undefined : { issuer, audience },
    port: reader.optional('TIDEMARK_GATEWAY_PORT', wholeNumber(0, 65_535), 0),
    httpPort: reader.optional('TIDEMARK_HTTP_PORT', wholeNumber(0, 65_535), 0),
    maxBodyBytes: reader.optional('TIDEMARK_GATEWAY_MAX_BYTES', wholeNumber(1000, 67_108_864), 1_048_576),
    maxEvents: reader.optional('TIDEMARK_GATEWAY_MAX_EVENTS', wholeNumber(1, 10_000), 512),
    rate: reader.optional('TIDEMARK_GATEWAY_RATE', wholeNumber(1, 1_000_000), 1000),
    role: reader.text('TIDEMARK_GATEWAY_ROLE'),
    actions: reader.list(CATALOGUES_SETTING),
    githubSecret: reader.text('TIDEMARK_GITHUB_SECRET'),
    webhooks: readWebhooks(reader),
    spool: directory === undefined ? undefined : { directory, maxBytes },
  };
  reader.check();
  return settings;
}

function readWebhooks(reader: SettingsReader): Webhooks {
  const path = reader.text('TIDEMARK_GATEWAY_WEBHOOKS');
  const text = path && reader.file('TIDEMARK_GATEWAY_WEBHOOKS', path, 'a YAML file of webhooks');
  if (!path || text === undefined) return {};
  const { webhooks, problems } = parseWebhooks(text, path);
  for (const problem of problems) reader.add(placeOf(path, problem), problem.found, problem.expected);
  return webhooks;
}

function wholeNumber(least: number, most: number): Rule<number> {
  const schema = z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(least).max(most));
  return { schema, expected: `a whole number from ${least} to ${most}` };
}
