/** The normalizer's settings: the only reader of its environment. */
import { type NormalizerSettings, normalizerSettings } from '../../core/edge/settings.ts';

export type { NormalizerSettings } from '../../core/edge/settings.ts';

/** Throws SettingsError with all that is wrong. */
export function readConfig(): NormalizerSettings {
  return normalizerSettings(process.env);
}
