// Which events put a change of a service in force, and which change that is (docs/enrichment.md has the rule in words). Pure.

import type { AuditRecord } from '../../../schemas/index.ts';

/** The kinds of change by which a service behaves differently. */
export type ChangeKind = 'deployment' | 'migration' | 'configuration';

export interface ChangeKey {
  readonly service: string;
  /** Empty: the change names none, and holds for all. */
  readonly environment: string;
  readonly kind: ChangeKind;
}

/** A change, and since when it is in force. */
export interface Mark {
  /** Id of the event that told of it. */
  readonly event: string;
  readonly action: string;
  /** Microseconds since 1970. */
  readonly since: number;
  readonly reference: string | null;
  readonly run: string | null;
  readonly approval: string | null;
  readonly version: string | null;
  readonly commit: string | null;
}

export interface SeenChange {
  readonly key: ChangeKey;
  readonly mark: Mark;
}

const KINDS: ReadonlyMap<string, ChangeKind> = new Map([
  ['deployment', 'deployment'],
  ['deploy', 'deployment'],
  ['rollout', 'deployment'],
  ['migration', 'migration'],
  ['configuration', 'configuration'],
  ['config', 'configuration'],
  ['setting', 'configuration'],
  ['settings', 'configuration'],
  ['feature-flag', 'configuration'],
]);

/** Verbs of a change that is only on its way, or stopped. */
const ON_ITS_WAY: ReadonlySet<string> = new Set(
  (
    'approve begin build cancel check comment delete enqueue fail plan prepare propose queue reject request ' +
    'request-approval review schedule skip start stop test validate wait'
  ).split(' '),
);
/** A deployment or migration that is made known or moves on is not in force yet; configuration that is made or altered is. */
const ON_ITS_WAY_UNLESS_CONFIGURATION: ReadonlySet<string> = new Set(['create', 'update']);

const SERVICE_TYPES: ReadonlySet<string> = new Set(['service', 'component']);
/** One event that names more is bound to be something else. */
const maxServices = 100;
/** Of a text that is kept. */
const maxLength = 512;

/** When it happened as far as can be: nothing happens after its record was received, whatever a clock says. */
export function happenedAt({ occurredAt, received }: AuditRecord): number {
  return Math.min(occurredAt, received.at);
}

/** The changes that an event puts in force. `servicesIn`: services that the catalogue builds from a repository (`owner/name`). */
export function changesOf(record: AuditRecord, servicesIn: (repository: string) => readonly string[]): SeenChange[] {
  if (record.refused !== null || record.outcome !== 'success') return [];
  const words = record.action.split('.');
  const [noun = ''] = words;
  if (noun === 'audit') return [];
  const ofAction = KINDS.get(noun);
  const kind = ofAction ?? KINDS.get(record.change?.perimeter.toLowerCase() ?? '');
  if (kind === undefined) return [];
  // An event about something else that belongs to a change shows that the change has come.
  if (ofAction !== undefined && isOnItsWay(words.at(-1) ?? '', kind)) return [];
  const environment = attributeOf(record, 'environment') ?? record.origin?.environment ?? '';
  if (environment.length > maxLength) return [];
  const { services, own } = servicesOf(record, servicesIn);
  const mark: Mark = {
    event: record.id,
    action: record.action,
    since: Math.max(0, happenedAt(record)),
    reference: bounded(record.change?.reference),
    run: bounded(record.change?.run),
    approval: bounded(record.change?.approval),
    version: attributeOf(record, 'version') ?? attributeOf(record, 'deployment.version'),
    commit: attributeOf(record, 'commit') ?? attributeOf(record, 'deployment.commit'),
  };
  return services.map(service => {
    const origin = own || service === record.origin?.service ? record.origin : null;
    return {
      key: { service, environment, kind },
      mark: {
        ...mark,
        version: mark.version ?? bounded(origin?.version),
        commit: mark.commit ?? bounded(origin?.commit),
      },
    };
  });
}

const isOnItsWay = (verb: string, kind: ChangeKind): boolean =>
  kind === 'configuration'
    ? ON_ITS_WAY.has(verb) && verb !== 'delete'
    : ON_ITS_WAY.has(verb) || ON_ITS_WAY_UNLESS_CONFIGURATION.has(verb);

/**
 * The services that a change is of: targets that are services; else those in the repositories among its targets; else the one that
 * recorded it. `own`: what the origin says of version and commit is about them.
 */
function servicesOf(record: AuditRecord, servicesIn: (repository: string) => readonly string[]) {
  const named = record.targets.filter(({ type }) => SERVICE_TYPES.has(type)).map(({ id }) => id);
  if (named.length > 0) return { services: unique(named), own: false };
  const repositories = record.targets.filter(({ type }) => type === 'repository');
  const built = repositories.flatMap(({ id, name }) => [
    ...servicesIn(id.toLowerCase()),
    ...(typeof name === 'string' ? servicesIn(name.toLowerCase()) : []),
  ]);
  if (built.length > 0) return { services: unique(built), own: true };
  return { services: record.origin === null ? [] : [record.origin.service], own: true };
}

const unique = (names: readonly string[]): string[] =>
  [...new Set(names)].filter(name => name.length <= maxLength).slice(0, maxServices);

/** An attribute may hold anything, a person's words too: here only what looks like a version, a commit or a name of an environment. */
function attributeOf({ attributes }: AuditRecord, name: string): string | null {
  const value = attributes.find(({ key }) => key === name)?.value;
  const text = value?.type === 'string' ? value.text : null;
  return typeof text === 'string' && /^[A-Za-z0-9][A-Za-z0-9._+/-]{0,127}$/.test(text) ? text : null;
}

const bounded = (text: string | null | undefined): string | null =>
  typeof text === 'string' && text.length <= maxLength ? text : null;
