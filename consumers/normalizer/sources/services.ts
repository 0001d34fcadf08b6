// The registered services, as records are judged by them. Pure.

import { compilePattern } from '../../../core/event/index.ts';
import type { DatedKey } from '../../../core/proof/keys.ts';
import { compileGlobs } from '../glob.ts';

/** A service as it is registered: plain data. */
export interface RegisteredService {
  readonly name: string;
  /** The team that answers for it. */
  readonly owner: string;
  readonly keys: readonly DatedKey[];
  /** What it may do, by patterns. */
  readonly actions: readonly string[];
  /** Services, by patterns, whose events it may send under its own signature. */
  readonly onBehalfOf: readonly string[];
  /** Events that name it are refused where they have no proof. */
  readonly alwaysSigns: boolean;
}

export interface Service extends RegisteredService {
  mayDo(action: string): boolean;
  maySpeakFor(service: string): boolean;
}

export type Services = ReadonlyMap<string, Service>;

export function compileServices(registered: readonly RegisteredService[]): Services {
  return new Map(
    registered.map(service => {
      const others = service.onBehalfOf.map(compilePattern);
      const maySpeakFor = (name: string): boolean => name === service.name || others.some(matches => matches(name));
      return [service.name, { ...service, mayDo: compileGlobs(service.actions), maySpeakFor }];
    }),
  );
}
