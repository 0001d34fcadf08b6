// The keys under which personal data is sealed, opened at the start: what would make erasure a lie is an error then.

import { KeysError } from '../../core/edge/keys/error.ts';
import { openKeys } from '../../core/edge/keys/open.ts';
import type { StoredKeyRing } from '../../core/edge/keys/stored-ring.ts';
import type { Logger } from '../../core/edge/log.ts';
import { SettingsError } from '../../core/edge/settings.ts';
import type { NormalizerSettings } from './config.ts';
import type { NormalizerEvents } from './events.ts';

export interface OpenRing {
  readonly ring: StoredKeyRing;
  close(): void;
}

const patienceMs = 60_000;

/** The ring; null where encryption is off or was not decided, which is said at each start. Waits a while for a store that is down. */
export async function openRing(
  { encryption, s3 }: Pick<NormalizerSettings, 'encryption' | 's3'>,
  log: Logger,
  events: Pick<NormalizerEvents, 'keysWait' | 'keyFetched'>,
): Promise<OpenRing | null> {
  if (encryption.state !== 'on') {
    const what = encryption.state === 'off' ? 'encryption is off' : 'TIDEMARK_ENCRYPTION was not decided (on or off)';
    log.warn(`${what}: personal data goes into the archive in clear, and nobody can erase it there`);
    return null;
  }
  const keys = openKeys(encryption.keys);
  for (const deadline = Date.now() + patienceMs; ; ) {
    try {
      await keys.check(s3.bucket);
      return { ring: keys.ring({ onWait: events.keysWait, onFetch: events.keyFetched }), close: () => keys.close() };
    } catch (error) {
      if (error instanceof KeysError && error.code === 'unavailable' && Date.now() < deadline) {
        log.warn({ error: error.message }, 'waiting for the store of keys');
        await new Promise(resolve => setTimeout(resolve, 1000));
        continue;
      }
      keys.close();
      if (!(error instanceof KeysError)) throw error;
      const expected = 'a store in which keys can be made, found again and destroyed';
      throw new SettingsError([{ name: 'TIDEMARK_KEYS_BUCKET', found: error.message, expected, advice: '' }]);
    }
  }
}
