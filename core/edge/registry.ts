// The registry at a program's start: wrong credentials are found here, not at the first event that needs a schema.

import { checkCredentials, SchemaError } from '../../schemas/index.ts';
import type { RegistrySettings } from './settings.ts';
import { SettingsError } from './settings-reader.ts';

/** Throws SettingsError where the registry does not know the credentials. */
export async function checkRegistry(settings: RegistrySettings): Promise<void> {
  try {
    await checkCredentials(settings);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    const name = settings.token === undefined ? 'SCHEMA_REGISTRY_URL' : 'SCHEMA_REGISTRY_TOKEN';
    const expected = 'user and password in the address, or a token in SCHEMA_REGISTRY_TOKEN, that the registry knows';
    throw new SettingsError([{ name, found: error.message, expected, advice: '' }]);
  }
}
