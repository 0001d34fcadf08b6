// Every write that archiver and sealer do outside, by name: a closed list, so that what is not on it is an error of the list. The name
// follows from the request alone, as a proxy sees it.

export const faultPoints = [
  /** The trial of the bucket's locks at each start: written, tried to be shortened, tried to be deleted. */
  'probe',
  'probe-shorten',
  'probe-delete',
  'archive',
  'segment',
  'manifest',
  'entries',
  'tile',
  'sized-checkpoint',
  /** Of an archive that has none yet; then each grown one by `If-Match`. */
  'first-checkpoint',
  'checkpoint',
  /** A version over what somebody has planted at a key of ours. */
  'over-planted',
  /** Locks that are made longer. */
  'lock-archive',
  'lock-segment',
  'lock-manifest',
  'lock-tile',
] as const;

export type FaultPoint = (typeof faultPoints)[number];

/** A request for an object of an archive, or (key null) for its bucket. */
export interface Asked {
  readonly method: string;
  /** Relative to the archive's prefix. */
  readonly key: string | null;
  readonly query: URLSearchParams;
  /** Whether the write is to replace what the writer has read. */
  readonly isReplacing: boolean;
}

const objects: readonly (readonly [RegExp, FaultPoint, FaultPoint | null])[] = [
  [/^archive\.json$/, 'archive', 'lock-archive'],
  [/^events\//, 'segment', 'lock-segment'],
  [/^batches\//, 'manifest', 'lock-manifest'],
  [/^log\/tile\/entries\//, 'entries', 'lock-tile'],
  [/^log\/tile\//, 'tile', 'lock-tile'],
  [/^log\/checkpoints\//, 'sized-checkpoint', null],
  [/^log\/checkpoint$/, 'first-checkpoint', null],
];

/** The write's name; null: it only reads. Throws for a write that is not on the list. */
export function pointOf(asked: Asked): FaultPoint | null {
  const { method, key, query, isReplacing } = asked;
  if (method === 'GET' || method === 'HEAD') return null;
  const unknown = () =>
    new Error(`${method} ${key ?? 'of the bucket'}${query.size > 0 ? `?${query}` : ''} is no fault point`);
  if (key === null) throw unknown();
  const isLock = query.has('retention');
  if (/^aside\/lock-probe\//.test(key))
    return method === 'DELETE' ? 'probe-delete' : isLock ? 'probe-shorten' : 'probe';
  const [, written, locked] = objects.find(([pattern]) => pattern.test(key)) ?? [];
  const point = isLock ? locked : written;
  if (method !== 'PUT' || !point) throw unknown();
  if (isLock || !isReplacing) return point;
  return point === 'first-checkpoint' ? 'checkpoint' : 'over-planted';
}
