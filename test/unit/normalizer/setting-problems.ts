// What is wrong with settings or with the files that they name, a line each.

import { SettingsError } from '../../../core/edge/settings.ts';

/** Of what `read` throws; empty where it does not. */
export async function problemsOf(read: () => unknown): Promise<string[]> {
  try {
    await read();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems.map(({ name, found, expected }) => `${name}: ${found} / ${expected}`);
  }
  return [];
}
