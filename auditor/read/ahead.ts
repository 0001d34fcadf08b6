// Reads ahead of who consumes, in order: a bucket answers in tens of milliseconds, so one request after the other would be
// what everything waits for. At most `ahead` results are held.

/** `action` of each item, in the items' order, with up to `ahead` of them under way. */
export async function* mapAhead<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  ahead: number,
  action: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const under: Promise<R>[] = [];
  for await (const item of items) {
    const result = action(item);
    // It is awaited below; until then its failure is not an unhandled one.
    result.catch(() => {});
    under.push(result);
    const next = under.length > ahead ? under.shift() : undefined;
    if (next) yield await next;
  }
  for (const result of under) yield await result;
}

/** All items of an iteration that is known to be small. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
