// The desk of erasures and holds, wired: the keys' bucket, the operator's own key, the archive that holds look into, the recorder.

import { openStore } from '../auditor/open.ts';
import { type Filter, keysInEvents, parseInstant } from '../auditor/read/index.ts';
import {
  type DeskOptions,
  ErasureDesk,
  ErasureError,
  type ErasureSettings,
  erasureSettings,
  formatQuery,
  type HoldQuery,
  OrderStore,
  orderBucket,
  type Step,
} from '../core/edge/erasure/index.ts';
import { openKeyBucket } from '../core/edge/keys/key-bucket.ts';
import { type OpenKeys, openKeys } from '../core/edge/keys/open.ts';
import { keySettings } from '../core/edge/keys/settings.ts';
import { RESERVED_PREFIX } from '../core/event/index.ts';
import type { Signer } from '../core/proof/note.ts';
import type { AuditInput, TargetInput } from '../producers/sdk/index.ts';
import { warn } from './output.ts';
import { openRecorder, operatorOf } from './recorder.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface OpenDesk {
  readonly desk: ErasureDesk;
  readonly settings: ErasureSettings;
  readonly keys: OpenKeys;
  /** Days (2026-01-05) that have a key, or had one. */
  days(): AsyncIterable<string>;
  close(): Promise<void>;
}

interface DeskChoice {
  /** Where holds by query look; absent: S3_BUCKET and S3_PREFIX. */
  readonly archive?: string | undefined;
}

/** The desk for a program or for who only looks. */
export function openDesk(env: Env, choice: DeskChoice = {}): OpenDesk {
  return deskOver(erasureSettings(env, 'anybody'), env, choice);
}

/** The desk for an operator who signs. */
export function openSigningDesk(env: Env): OpenDesk & { readonly me: Signer } {
  const settings = erasureSettings(env, 'signs');
  if (!settings.me) throw new TypeError('a setting is missing that was checked');
  return { ...deskOver(settings, env, {}), me: settings.me };
}

/**
 * Does something at a desk and leaves it. Before anything else the keys are checked: by another lookup key than theirs a person would
 * be taken for one who has no key, and be told that all is erased. What a hold refuses ends with exit code 1.
 */
export async function atDesk<D extends OpenDesk>(open: D, work: (open: D) => Promise<void>): Promise<void> {
  try {
    await open.keys.check(process.env.S3_BUCKET ?? null);
    await work(open);
  } catch (error) {
    if (!(error instanceof ErasureError && error.code === 'held')) throw error;
    warn(error.message);
    process.exitCode = 1;
  } finally {
    await open.close();
  }
}

function deskOver(settings: ErasureSettings, env: Env, { archive }: DeskChoice): OpenDesk {
  const keysOf = keySettings(env);
  const keys = openKeys(keysOf);
  const { bucket: name, prefix, endpoint } = keysOf;
  const bucket = openKeyBucket({ bucket: name, prefix: `${prefix}/orders`, endpoint });
  const recorder = openRecorder();
  const { origin, approvers, delay } = settings;
  const options: DeskOptions = {
    orders: new OrderStore(orderBucket(bucket)),
    rules: { origin, approvers, delayMs: delay.ms },
    keys,
    record: step => recorder.record(eventOf(step)),
    isHeldByQuery: queryIn(archive ?? archiveOf(env), env),
  };
  const dayKeys = openKeyBucket({ bucket: name, prefix: `${prefix}/d1`, endpoint });
  const days = async function* () {
    for await (const file of dayKeys.names()) yield file.replace(/\.json$/, '');
  };
  const close = async () => {
    bucket.close();
    dayKeys.close();
    keys.close();
    await recorder.close();
  };
  return { desk: new ErasureDesk(options), settings, keys, days, close };
}

function archiveOf({ S3_BUCKET, S3_PREFIX }: Env): string | null {
  return S3_BUCKET ? `s3://${S3_BUCKET}/${S3_PREFIX ?? ''}` : null;
}

/** Looks through the archive once for each query, however many persons are asked for. */
function queryIn(archive: string | null, env: Env): DeskOptions['isHeldByQuery'] {
  const known = new Map<string, Promise<Set<string>>>();
  return async (query, keyId) => {
    if (archive === null) throw new TypeError('no archive is given: set S3_BUCKET and S3_PREFIX, or give --archive');
    const name = formatQuery(query);
    const keyIds = known.get(name) ?? keysInEvents(openStore(archive, env), filterOf(query));
    known.set(name, keyIds);
    return (await keyIds).has(keyId);
  };
}

function filterOf({ from, to, ...globs }: HoldQuery): Filter {
  return {
    ...globs,
    from: from === undefined ? undefined : parseInstant(from, 'from'),
    to: to === undefined ? undefined : parseInstant(to, 'to'),
  };
}

function eventOf({ name, outcome, by, orderId, subject, reason, caseId, details }: Step): AuditInput {
  const orders = orderId === null ? [] : [{ type: 'order', id: orderId }];
  const about: TargetInput[] =
    subject.kind === 'key'
      ? [{ type: 'data-key', id: subject.keyId }]
      : subject.kind === 'order'
        ? [{ type: 'order', id: subject.id }]
        : [];
  return {
    action: `${RESERVED_PREFIX}${name}`,
    outcome,
    actor: by ? operatorOf(by) : { kind: 'machine', id: 'tidemark' },
    targets: [...about, ...orders],
    reason,
    attributes: {
      ...details,
      ...(caseId !== null && { case: caseId }),
      ...(subject.kind === 'query' && { query: formatQuery(subject.query) }),
    },
  };
}
