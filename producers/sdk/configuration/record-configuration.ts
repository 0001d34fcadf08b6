/** Configuration overrides as audit events: at its start a service records in which values its configuration differs from that of the last start. */
import { LIMITS } from '../../../core/event/index.ts';
import { maskOf } from '../../../core/masking/index.ts';
import type { Auditor } from '../auditor.ts';
import { AuditError } from '../error.ts';
import type { AuditInput, ChangeInput, FieldChangeInput, TargetInput, ValueInput } from '../input.ts';
import { type Inside, insideOf } from '../scope.ts';
import { clearPaths, type Entry, entriesOf } from './entries.ts';
import { firstNotes, formatNotes, type Notes, parseNotes, type Said, type State, withStart } from './notes.ts';
import { type ConfigurationStore, fileStore, guarded } from './store.ts';

export interface ConfigurationOptions extends Omit<ChangeInput, 'perimeter'> {
  /** Where it is kept what was recorded last: a file that lasts, of this configuration alone, or what reads and writes a text. */
  readonly store: string | ConfigurationStore;
  /** Paths whose values may be told in clear, by globs: `log.level`, `db.pool.*`. Default: none. Secret fields never are. */
  readonly clear?: readonly string[] | undefined;
  /** Of several configurations of a service, which one. */
  readonly name?: string | undefined;
  /** Whose configuration it is. Default: the auditor's service. */
  readonly service?: string | undefined;
  readonly reason?: string | undefined;
}

/**
 * Records what changed in a configuration (a nested object, or variables by their names) since its last start: `configuration.create` with
 * all values at the first, then `configuration.change` with those that were changed, added or removed; where nothing did, nothing. Values
 * are told by hashes unless `clear` has their path. What an earlier start could not record is recorded first.
 *
 * Resolves, once all in-sync replicas have it, with the id of the event, or null where there was nothing to record. Rejects with AuditError:
 * as `record` does, with store-unusable, and with invalid-options. What was noted and not recorded is recorded by the next start.
 */
export async function recordConfiguration(
  audit: Auditor<never>,
  values: object,
  options: ConfigurationOptions,
): Promise<string | null> {
  const inside = insideOf(audit);
  if (inside === undefined) throw invalid('audit: expected an auditor that createAuditor made');
  checkOptions(values, options);
  const { service = inside.origin.service, name, clear = [] } = options;
  const of = name === undefined ? service : `${service}/${name}`;
  const place = typeof options.store === 'string' ? options.store : 'of its own making';
  const store = guarded(typeof options.store === 'string' ? fileStore(options.store) : options.store, place);

  const text = await store.read();
  const found = text === null || text === undefined ? firstNotes(of) : parseNotes(text, of, place);
  const isClear = clearPaths(clear);
  const entries = entriesOf(values, { key: found.key, isSecret: inside.isSecretField, isClear });
  const notes = withStart(found, entries, saidOf(inside, options), Date.now());
  if (notes !== found) await store.write(formatNotes(notes));
  // With whatever actions: `record` itself says where these are not declared.
  const auditor = audit as Auditor;
  const record = (state: State, before: State | null): Promise<string> => {
    const event = eventOf(state, before, { of, service, isClear });
    // What an earlier start left is not the doing of who runs this one.
    return found.waiting.some(({ id }) => id === state.id)
      ? inside.scopes.run({ fields: {} }, () => auditor.record(event))
      : auditor.record(event);
  };
  return recordWaiting(notes, record, store);
}

async function recordWaiting(
  notes: Notes,
  record: (state: State, before: State | null) => Promise<string>,
  store: ConfigurationStore,
): Promise<string | null> {
  let id: string | null = null;
  let left = notes;
  for (const state of notes.waiting) {
    const waiting = left.waiting.slice(1);
    try {
      id = await record(state, left.recorded);
    } catch (error) {
      // It never will be: the next start compares its values with what was recorded before this one.
      if (isRefused(error)) await store.write(formatNotes({ ...left, waiting }));
      throw error;
    }
    left = { ...left, recorded: state, waiting };
    await store.write(formatNotes(left));
  }
  return id;
}

const isRefused = (error: unknown): boolean =>
  error instanceof AuditError && (error.code === 'invalid-event' || error.code === 'too-large');

interface Telling {
  readonly of: string;
  readonly service: string;
  readonly isClear: (path: string) => boolean;
}

/** The service is a target too: as of docs/enrichment.md the change is then one of that service, whoever records it. */
function eventOf(state: State, before: State | null, { of, service, isClear }: Telling): AuditInput {
  const changes = changesBetween(before?.entries ?? [], state.entries, isClear);
  const targets: TargetInput[] = [{ type: 'configuration', id: of, changes: changes.slice(0, LIMITS.changes) }];
  for (let at = LIMITS.changes; at < changes.length; at += LIMITS.changes) {
    targets.push({ type: 'configuration', id: of, changes: changes.slice(at, at + LIMITS.changes) });
  }
  const { origin, change, reason } = state.said;
  return {
    id: state.id,
    occurredAt: new Date(state.at),
    action: before === null ? 'configuration.create' : 'configuration.change',
    targets: [...targets, { type: 'service', id: service }],
    origin,
    // By its reference a change is told from the one before it, also where both are of the same version.
    change: { ...change, reference: change.reference ?? hashOf(state.print) },
    reason,
    attributes: { 'configuration.fingerprint': hashOf(state.print) },
  };
}

/** In the order of their paths. */
function changesBetween(
  before: readonly Entry[],
  after: readonly Entry[],
  isClear: (path: string) => boolean,
): FieldChangeInput[] {
  const was = new Map(before.map(entry => [entry.path, entry]));
  const is = new Map(after.map(entry => [entry.path, entry]));
  return [...new Set([...was.keys(), ...is.keys()])].sort().flatMap(path => {
    const [one, other] = [was.get(path), is.get(path)];
    if (one?.print === other?.print) return [];
    const isSecret = one?.secret === true || other?.secret === true;
    const tell = (entry: Entry | undefined): ValueInput | undefined => {
      if (entry === undefined) return undefined;
      if (isSecret) return SECRET;
      return isClear(path) && entry.value !== undefined ? entry.value : hashOf(entry.print);
    };
    return [{ field: path, before: tell(one), after: tell(other) }];
  });
}

const SECRET = maskOf('secret-field');
const hashOf = (print: string): string => `hmac-sha256:${print}`;

function saidOf({ origin }: Inside, { reference, run, approval, reason }: ConfigurationOptions): Said {
  const { service, version, commit, environment, region, host } = origin;
  const change = { perimeter: 'configuration', ...given({ reference, run, approval }) };
  return {
    origin: { service, ...given({ version, commit, environment, region, host }) },
    change,
    ...given({ reason }),
  };
}

/** Without what is not there. */
function given<K extends string>(fields: { readonly [key in K]: string | null | undefined }): { [key in K]?: string } {
  const there = Object.entries(fields).filter(([, text]) => typeof text === 'string');
  return Object.fromEntries(there) as { [key in K]?: string };
}

function checkOptions(values: unknown, { store, clear = [], name, service }: ConfigurationOptions): void {
  const problems: string[] = [];
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    problems.push('values: expected an object');
  const isStore =
    typeof store === 'string' ? store !== '' : typeof store?.read === 'function' && typeof store.write === 'function';
  if (!isStore) problems.push('store: expected the path of a file, or an object with read and write');
  const isGlobs = Array.isArray(clear) && clear.every(glob => typeof glob === 'string' && glob !== '');
  if (!isGlobs) problems.push('clear: expected a list of globs');
  for (const [option, text] of Object.entries({ name, service })) {
    if (text !== undefined && (typeof text !== 'string' || text === '')) problems.push(`${option}: expected a name`);
  }
  if (problems.length > 0) throw invalid(problems.join('; '));
}

const invalid = (problems: string): AuditError => new AuditError('invalid-options', `Invalid options: ${problems}`);
