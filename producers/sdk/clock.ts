/** Microseconds since 1970: the wall clock's milliseconds, and within each of them those of the monotonic clock. */
export function microClock(): () => number {
  let millisecond = 0;
  let since = 0;
  return () => {
    const now = Date.now();
    if (now !== millisecond) {
      millisecond = now;
      since = performance.now();
    }
    return now * 1000 + Math.min(999, Math.floor((performance.now() - since) * 1000));
  };
}
