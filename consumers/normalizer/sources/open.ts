// The registered services in force, read again when their files change.

import { FileSource } from '../../../core/edge/file-source.ts';
import { SettingsError } from '../../../core/edge/settings.ts';
import { AUDIT_ACTIONS } from '../../../core/event/index.ts';
import { readServices, serviceFiles } from './file.ts';
import { compileServices, type RegisteredService, type Services } from './services.ts';

export interface SourcesOptions {
  readonly paths: readonly string[];
  /** The normalizers themselves, whose own events are signed like any other. */
  readonly own: RegisteredService;
  readonly events: {
    /** In force, at the start or anew. `unclaimed`: actions of tidemark's commands that no service is registered for. */
    servicesInForce(count: number, unclaimed: readonly string[]): void;
    /** The files are broken or gone: what was read before stays in force. */
    servicesBroken(error: unknown): void;
  };
  readonly intervalMs?: number;
}

export interface Sources {
  current(): Services;
  close(): void;
}

const defaultIntervalMs = 5000;

/** Throws SettingsError with all that is wrong in the files. */
export async function openSources({ paths, own, events, intervalMs }: SourcesOptions): Promise<Sources> {
  const tell = (services: Services): void => events.servicesInForce(services.size - 1, unclaimedIn(services));
  const source = await FileSource.openSetting<Services>(
    { name: 'TIDEMARK_SERVICES', expected: 'files of registered services, or folders of them' },
    {
      list: () => serviceFiles(paths),
      read: async files => withOwn(await readServices(files), own),
      onReload: tell,
      onBroken: events.servicesBroken,
      intervalMs: intervalMs ?? defaultIntervalMs,
    },
  );
  tell(source.value);
  return { current: () => source.value, close: () => source.close() };
}

function withOwn(registered: readonly RegisteredService[], own: RegisteredService): Services {
  if (!registered.some(({ name }) => name === own.name)) return compileServices([...registered, own]);
  const found = `the service ${own.name}, which is the normalizer's own name (TIDEMARK_GROUP)`;
  throw new SettingsError([{ name: 'TIDEMARK_SERVICES', found, expected: 'other names', advice: '' }]);
}

const open: ReadonlySet<string> = new Set([AUDIT_ACTIONS.refuse, AUDIT_ACTIONS.close]);

function unclaimedIn(services: Services): string[] {
  const all = [...services.values()];
  return Object.values(AUDIT_ACTIONS).filter(action => !open.has(action) && !all.some(one => one.mayDo(action)));
}
